"""Binary packages of pkgsrc, understood without running any of its tools.

1. `version`     versions in the order pkg_install gives them
2. `pattern`     the patterns of DEPENDS and CONFLICTS
3. `summary`     pkg_summary(5): what a repository offers
4. `repository`  an index over summaries
5. `resolve`     what a recipe names, closed over its dependencies
6. `modes`       modes as chmod(1) reads them
7. `plist`       packing lists (`+CONTENTS`)
8. `package`     the metadata of one package
9. `pkginstall`  users, files, directories and modes an install script would make
10. `pkgdb`      the package database of a set of installed packages
11. `writer`     a binary package from a plain description
12. `signed`     the wrapping that says who made a package

Nothing here touches the network, the disk or a clock; archives are read and written elsewhere.
"""
