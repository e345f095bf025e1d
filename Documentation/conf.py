# SPDX-License-Identifier: GPL-2.0
"""Sphinx's configuration; tools/docs/build calls it.

Comments of the source become pages by the kernel's own extension, as they are
in the source of the kernel that the tests run on.
"""

import os
import pathlib
import sys

KERNEL = pathlib.Path(os.environ['KERNEL_SOURCE'])
sys.path.insert(0, str(KERNEL / 'Documentation/sphinx'))

project = 'M-Anycast for Linux'
extensions = ['kerneldoc']
kerneldoc_bin = str(KERNEL / 'scripts/kernel-doc')
kerneldoc_srctree = str(pathlib.Path(__file__).resolve().parents[1])
primary_domain = 'c'
# Words of the kernel that stand where C has none.
c_id_attributes = ['__percpu']
# Literal blocks are packets, tables and commands.
highlight_language = 'none'
nitpicky = True
# The kernel's types are described elsewhere.
nitpick_ignore_regex = [('c:.*', '.*')]
