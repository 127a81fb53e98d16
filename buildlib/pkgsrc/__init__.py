"""Binary packages of pkgsrc, processed without running any of its tools.

1. `version`     order of versions, as in pkg_install
2. `pattern`     the patterns of DEPENDS and CONFLICTS
3. `summary`     pkg_summary(5): the packages of a repository
4. `repository`  an index over summaries
5. `resolution`  the packages named by a recipe, with their dependencies
6. `modes`       modes as chmod(1) reads them
7. `plist`       packing lists (`+CONTENTS`)
8. `package`     the metadata of one package
9. `pkginstall`  users, files, directories and modes declared by an install script
10. `pkgdb`      the package database of a set of installed packages
11. `writer`     creates a binary package from a plain description
12. `signed`     the wrapper of a signed package

Nothing here accesses the network, the disk or a clock; archives are read and written elsewhere.
"""
