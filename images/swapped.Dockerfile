# What `docker compose build` makes of a service whose image .env swaps: that image, as it is.
ARG IMAGE
FROM ${IMAGE}
