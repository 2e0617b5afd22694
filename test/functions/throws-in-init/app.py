# Raises in module scope, after it has printed.
print("about to fail")
raise TypeError("not today")
