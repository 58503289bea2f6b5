"""Files that hold trees of estimators, and that nothing is executed to read.

``archive`` is the file, ``values`` what plain values become, ``objects`` what may stand in a tree, ``networks`` whether
weights fit, ``shells`` the estimators of others through skops, with ``slots`` for our own inside them and ``trust`` for
what skops leaves to check, and ``saving`` the functions that users call.
"""
