# A guest for drivers' tests: says that it is ready, then runs every line that comes over the channel.
echo ready >&3
while read -r line <&3; do eval "$line"; done
