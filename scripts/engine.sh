# shellcheck shell=sh
# Which Docker engine this is, for scripts/up, which has `fault` and `say`. Engines that cannot run the stack, though they
# answer, are told by name: what they would say themselves is a mount or a port that fails.

# judge_engine HOST CLIENT ROOT SYSTEM SECURITY: each as Docker itself prints it
#   HOST      docker context inspect --format '{{.Endpoints.docker.Host}}'
#   CLIENT    docker --version
#   ROOT      docker info --format '{{.DockerRootDir}}', and so on: OperatingSystem, SecurityOptions
judge_engine() {
    case $2 in
        *[Pp]odman*)
            fault "docker is podman's here" "install Docker Engine and its Compose plugin (docker-ce or docker.io)"
            return ;;
    esac
    case $1 in
        '' | unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
        unix:///run/user/* | unix:///home/*)
            fault "docker talks to a user's own engine, $1: a rootless one cannot have the server's addresses and ports" \
                "use the machine's: unset DOCKER_HOST; docker context use default; systemctl start docker" ;;
        *)
            fault "docker talks to $1, not to the engine of this machine" \
                "unset DOCKER_HOST; docker context use default" ;;
    esac
    case ,$5, in
        *name=rootless*)
            fault "the Docker engine is rootless: it cannot have the server's addresses and ports" \
                "use the machine's: unset DOCKER_HOST; docker context use default; systemctl start docker" ;;
        *name=userns*)
            fault "the Docker engine maps root to another user (userns-remap): containers cannot share the server's network" \
                "take userns-remap out of /etc/docker/daemon.json, then systemctl restart docker" ;;
    esac
    case $4 in
        *'Docker Desktop'*)
            fault "the engine is Docker Desktop's: its containers are in a virtual machine, not in this server's network" \
                "install Docker Engine on the server itself (docker-ce or docker.io)" ;;
    esac
    case $3 in
        /var/snap/*)
            fault "Docker comes from snap: it sees neither /srv nor what is mounted later, and restarts itself for its updates" \
                "snap remove docker, then install Docker Engine from packages (docker-ce or docker.io)" ;;
        '' | /var/lib/docker) ;;
        *) say "the engine keeps images, volumes and logs in $3: look at its room and mount when status says disk-failing" ;;
    esac
}
