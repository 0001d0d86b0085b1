"""What a client sees of a fault, measured: who answered when, how long nobody did, whether two did."""
