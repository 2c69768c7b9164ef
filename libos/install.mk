# SPDX-License-Identifier: MIT
# The libraries that others link with, and where they go: make install [DESTDIR=] [PREFIX=/usr/local]
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
INSTALL ?= install

SONAME := libdune.so.$(firstword $(subst ., ,$(VERSION)))
SHARED := $(OUT)/libdune.so.$(VERSION)
# The public functions only, where $(OUT)/libdune.a shows the tests libdune's inside too.
STATIC := $(OUT)/public/libdune.a
PC := $(LIBDIR)/pkgconfig/dune.pc
HEADERS := $(wildcard include/dune/*.h)
PAGES := $(wildcard man/*.[1-8])

# Signal handlers and other threads' exits lead into it: it cannot be unloaded. The host side must
# not meet the dynamic linker, which uses vector registers: all is bound at the start.
$(SHARED): $(OBJ) libdune.map
	$(call say,LD,$(@F))
	$(Q)$(CC) -shared -o $@ $(OBJ) -pthread -Wl,-soname,$(SONAME) -Wl,--version-script=libdune.map \
		-Wl,-Bsymbolic,-z,defs,-z,text,-z,now,-z,relro,-z,nodelete,-z,noexecstack

$(STATIC): $(OBJ) libdune.map
	$(call say,AR,public/$(@F))
	$(Q)mkdir -p $(@D) && rm -f $@ && $(LD) -r -o $(@D)/dune.o $(OBJ)
	$(Q)sed -n 's/^\t\(dune_[a-z_0-9]*\);$$/\1/p' libdune.map >$(@D)/names
	$(Q)objcopy --keep-global-symbols=$(@D)/names $(@D)/dune.o && $(AR) rcsD $@ $(@D)/dune.o

all: $(SHARED) $(STATIC)

# A relative path would do here and be wrong in dune.pc.
where:
	$(Q)for d in '$(PREFIX)' '$(BINDIR)' '$(LIBDIR)' '$(INCLUDEDIR)' '$(MANDIR)'; do case $$d in \
		*[[:space:]]*|[!/]*|'') echo "install: '$$d': want an absolute path without blanks" >&2; \
		exit 2 ;; esac; done

# The names of a page
names = $$(sed -n '/^\.SH NAME/,/ \\- /{/^\.SH/d;s/ \\- .*//;s/,//g;p}' "$(1)")

# A page with several names in it gets a page that leads to it for each of the others.
install: where all
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)/dune'
	$(Q)$(INSTALL) -m 755 $(BIN)/dune '$(DESTDIR)$(BINDIR)/'
	$(Q)$(INSTALL) -m 644 $(STATIC) $(SHARED) '$(DESTDIR)$(LIBDIR)/'
	$(Q)ln -sf $(notdir $(SHARED)) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	$(Q)ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libdune.so'
	$(Q)$(INSTALL) -m 644 include/dune.h '$(DESTDIR)$(INCLUDEDIR)/'
	$(Q)$(INSTALL) -m 644 $(HEADERS) '$(DESTDIR)$(INCLUDEDIR)/dune/'
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' dune.pc.in >'$(DESTDIR)$(PC)'
	$(Q)chmod 644 '$(DESTDIR)$(PC)'
	$(Q)for page in $(PAGES); do \
		folder='$(DESTDIR)$(MANDIR)'/man$${page##*.}; $(INSTALL) -d "$$folder"; \
		$(INSTALL) -m 644 "$$page" "$$folder/"; \
		for name in $(call names,$$page); do [ -e "man/$$name.$${page##*.}" ] || \
			echo ".so man$${page##*.}/$${page##*/}" >"$$folder/$$name.$${page##*.}"; done; done

uninstall: where
	$(Q)cd '$(DESTDIR)/' && rm -f '.$(BINDIR)/dune' '.$(LIBDIR)/libdune.a' '.$(LIBDIR)/libdune.so' \
		'.$(LIBDIR)/$(SONAME)' '.$(LIBDIR)/$(notdir $(SHARED))' '.$(PC)' '.$(INCLUDEDIR)/dune.h' \
		$(HEADERS:include/%='.$(INCLUDEDIR)/%')
	$(Q)for page in $(PAGES); do for name in $(call names,$$page); do \
		rm -f '$(DESTDIR)$(MANDIR)'/man$${page##*.}/"$$name.$${page##*.}"; done; done
	$(Q)rmdir '$(DESTDIR)$(INCLUDEDIR)/dune' 2>/dev/null || :

.PHONY: install uninstall where
