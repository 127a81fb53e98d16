"""What a fleet is given: configuration partitions, images, packages."""
