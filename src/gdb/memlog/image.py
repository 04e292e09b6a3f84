# SPDX-License-Identifier: MIT
"""memlog inside the process that gdb looks at: its variables and structs by their names.

Nothing is known here of any offset: the library publishes variables ("pageheap.figures"),
numbers ("number.bins"), structs ("ml_span": its size) and their members ("ml_span.base": offset
and size), and all reading goes by these. An Image is made anew for each command, since a live
process goes on between two of them.
"""
from memlog import memory, root
from memlog.errors import Error, NotThere

MOST_STRUCT_BYTES = 1 << 20


class Layout:
    """A struct: where its members are."""
    __slots__ = ("name", "size", "members")

    def __init__(self, name, size, members):
        self.name, self.size, self.members = name, size, members

    def place(self, member):
        """(offset, bytes)"""
        try:
            return self.members[member]
        except KeyError:
            raise NotThere("%s.%s" % (self.name, member)) from None

    def offset(self, member):
        return self.place(member)[0]

    def view(self, address, data):
        """Of bytes that were read before."""
        return View(self, address, data)


class View:
    """The bytes of one struct: view["base"] is a number for members of 1, 2, 4, 8 bytes, else
    bytes."""
    __slots__ = ("layout", "address", "data")

    def __init__(self, layout, address, data):
        self.layout, self.address, self.data = layout, address, data

    def raw(self, member):
        offset, size = self.layout.place(member)
        return self.data[offset:offset + size]

    def __getitem__(self, member):
        value = self.raw(member)
        return int.from_bytes(value, "little") if len(value) in (1, 2, 4, 8) else bytes(value)

    def signed(self, member):
        return int.from_bytes(self.raw(member), "little", signed=True)

    def u64s(self, member):
        """An array of 64-bit numbers."""
        return words(self.raw(member))

    def words(self):
        """All of it as 64-bit numbers."""
        return words(self.data)

    def at(self, member):
        """The member's address."""
        return self.address + self.layout.offset(member)


def words(data):
    return memoryview(bytes(data)).cast("Q")


class Image:
    def __init__(self):
        self.names = root.entries(root.find())
        self.layouts = {}
        self.members = {}
        for name, place in self.names.items():
            struct_name, _, member = name.partition(".")
            if member != "" and struct_name in self.names:
                self.members.setdefault(struct_name, {})[member] = place

    # --- names ---

    def variable(self, name):
        """(address, bytes)"""
        try:
            return self.names[name]
        except KeyError:
            raise NotThere(name) from None

    def number(self, name, most=1 << 20):
        """image.number("bins")"""
        number = self.variable("number." + name)[0]
        if number > most:
            raise Error("memlog says that \"number.%s\" is %d: its table is overwritten"
                        % (name, number))
        return number

    def has(self, name):
        return name in self.names

    def layout(self, struct_name):
        layout = self.layouts.get(struct_name)
        if layout is None:
            size = self.variable(struct_name)[1]
            members = self.members.get(struct_name, {})
            if size > MOST_STRUCT_BYTES:
                raise Error("memlog says that a %s has %d bytes: its table is overwritten"
                            % (struct_name, size))
            for member, (offset, member_size) in members.items():
                if offset + member_size > size:
                    raise Error("memlog says that \"%s.%s\" lies outside of its struct: its table "
                                "is overwritten" % (struct_name, member))
            layout = self.layouts[struct_name] = Layout(struct_name, size, members)
        return layout

    # --- memory ---

    def read(self, address, count):
        return memory.read(address, count)

    def u64(self, address):
        return int.from_bytes(memory.read(address, 8), "little")

    def u64s(self, address, count):
        return words(memory.read(address, 8 * count))

    def value(self, name):
        """A variable that is one number, without a sign."""
        address, size = self.variable(name)
        if size > 8:
            raise Error("memlog says that \"%s\" has %d bytes: its table is overwritten"
                        % (name, size))
        return int.from_bytes(memory.read(address, size), "little")

    def bytes_of(self, name):
        return memory.read(*self.variable(name))

    def words_of(self, name):
        """A variable that is an array of 64-bit numbers."""
        return words(self.bytes_of(name))

    def view(self, struct_name, address):
        layout = self.layout(struct_name)
        return View(layout, address, memory.read(address, layout.size))

    def variable_view(self, struct_name, name):
        """A variable that is such a struct."""
        address, size = self.variable(name)
        layout = self.layout(struct_name)
        if size != layout.size:
            raise Error("memlog says that \"%s\" has %d bytes, and a %s %d: its table is "
                        "overwritten" % (name, size, struct_name, layout.size))
        return View(layout, address, memory.read(address, size))

    def walk(self, address, struct_name, member, what, most=1 << 20):
        """The structs of a list that hangs together by `member`: each as a view. A list that
        leads back to itself, or has no end, ends with an error that names `what`."""
        seen = set()
        while address != 0:
            if address in seen or len(seen) >= most:
                raise Error("%s is a list without an end (at 0x%x): memlog's memory is overwritten"
                            % (what, address))
            seen.add(address)
            view = self.view(struct_name, address)
            yield view
            address = view[member]
