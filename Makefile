# SPDX-License-Identifier: GPL-2.0
#
# The targets are listed by "make help". What Kbuild reads is in Kbuild.

KDIR ?= /lib/modules/$(shell uname -r)/build

.PHONY: help modules iproute2 dyncast install uninstall demo shell
.PHONY: check check-uml check-stock check-peers check-seam check-debug
.PHONY: check-kcsan check-dkms fuzz kunit
.PHONY: bench dyncast-figure docs style clean

help:
	@echo 'make modules   build the modules for the running kernel (KDIR=)'
	@echo 'make iproute2  build an ip that knows them, and say where it is'
	@echo 'make dyncast   build libdyncast and the dyncast command, and say where'
	@echo 'make install   all, where modprobe finds the modules (DESTDIR=,'
	@echo '               PREFIX=); make uninstall takes them away again'
	@echo 'make demo      show the main job, in User Mode Linux;'
	@echo '                 TOPOLOGY=recovery  two sites whose selectors and'
	@echo '                 servers come and go, TOPOLOGY=failover  or die,'
	@echo '                 TOPOLOGY=dyncast  invocations that stay'
	@echo 'make shell     a shell in the topology of the demo'
	@echo 'make check     all tests, in User Mode Linux'
	@echo '                 T=NAME  those in files with NAME in their name,'
	@echo '                 T=NAME:CASE  one case'
	@echo 'make check-debug  the same in a kernel that looks at everything'
	@echo 'make check-kcsan  the same where two processors meet, looking for races'
	@echo 'make check-seam  the modules come and go 300 times under stress'
	@echo 'make check-uml UML=7.2  the same in a newer one, on two processors'
	@echo "make check-stock  the same in Debian's own kernels, under QEMU"
	@echo '                 KERNELS="6.1 7"  some of them'
	@echo 'make check-dkms  dkms builds and installs them for those kernels'
	@echo 'make fuzz      packets and netlink messages; SECONDS=28800 a night'
	@echo "make check-peers  the kernel's own tests of what the modules touch,"
	@echo '               with the same result as without them; T=NAME picks'
	@echo 'make bench     what packets cost, beside what else one could take;'
	@echo '                 SHORT=1  a minute or two, counts only'
	@echo 'make dyncast-figure  a million invocations, led in three ways'
	@echo "make kunit     the KUnit suites, the kernel's own way"
	@echo 'make docs      the documentation as web pages, and where they are'
	@echo 'make style     checkpatch, sparse, shellcheck and so on'
	@echo 'make clean     remove build/'
	@echo
	@echo 'W=1 and C=1 work as in the kernel. UML=6.12 chooses the kernel of'
	@echo 'User Mode Linux. Missing Debian packages are installed with apt.'

modules:
	@tools/setup/packages modules
	@tools/testing/run/modules $(KDIR)

iproute2:
	@tools/setup/packages iproute2
	@tools/iproute2-patch/build

dyncast:
	@tools/setup/packages dyncast
	@tools/dyncast/build

install:
	@tools/setup/packages modules iproute2
	@tools/setup/install $(KDIR)

uninstall:
	@tools/setup/install -u $(KDIR)

demo shell:
	@tools/setup/packages demo
	@tools/demo/$@

check:
	@tools/setup/packages check
	@tools/testing/run/check $(T)

check-debug: export UML ?= 7.2
check-debug:
	@tools/setup/packages check
	@tools/testing/run/check --debug $(T)

fuzz: export UML ?= 7.2
fuzz:
	@tools/setup/packages fuzz
	@tools/testing/run/fuzz $(SECONDS)

check-kcsan:
	@tools/setup/packages check stock
	@tools/testing/run/check --kcsan $(T)

check-uml: export UML ?= 7.2
check-uml:
	@tools/setup/packages check
	@tools/testing/run/check $(T)

check-stock:
	@tools/setup/packages stock
	@tools/testing/run/check-stock $(T)

check-seam:
	@tools/setup/packages check
	@ROUNDS=300 TIME_FACTOR=10 tools/testing/run/check seam
	@tools/testing/run/refusal

check-dkms:
	@tools/setup/packages stock
	@tools/testing/run/check-dkms

check-peers:
	@tools/setup/packages peers
	@tools/testing/run/peers $(T)

kunit:
	@tools/setup/packages uml
	@tools/testing/run/kunit

bench:
	@tools/setup/packages bench stock
	@tools/testing/run/bench $(T)

dyncast-figure:
	@tools/setup/packages simulation
	@tools/testing/dyncast/simulate

docs:
	@tools/setup/packages docs
	@tools/docs/build

style:
	@tools/setup/packages style
	@tools/testing/style/style

clean:
	rm -rf build
