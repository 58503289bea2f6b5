"""Files that hold trees of estimators, and that nothing is executed to read.

``archive`` is the file, ``values`` what plain values become, ``objects`` what may stand in a tree, ``shells`` the
estimators of others through skops, ``saving`` the two functions that users call.
"""
