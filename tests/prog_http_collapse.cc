// SPDX-License-Identifier: MIT
// prog_http_collapse.cc - allocations by C and C++, inlined ones too, for the tests of collapsed
// stacks. Its profile is written at exit.
#include <cstdlib>
#include <string>
#include <vector>

namespace shop {
struct cart {
    std::vector<char *> items;
    __attribute__((noinline)) void add(std::size_t bytes)
    {
        items.push_back(new char[bytes]);
        __asm__ volatile("" ::: "memory");
    }
};
} // namespace shop

static inline __attribute__((always_inline)) void *inlined(std::size_t bytes)
{
    void *object = std::malloc(bytes);
    __asm__ volatile("" : "+r"(object));
    return object;
}

extern "C" __attribute__((noinline)) void *keeps(std::size_t bytes)
{
    void *object = inlined(bytes);
    __asm__ volatile("" : "+r"(object));
    return object;
}

extern "C" __attribute__((noinline)) void drops(std::size_t bytes)
{
    void *object = std::calloc(1, bytes);
    __asm__ volatile("" : "+r"(object));
    std::free(object);
    __asm__ volatile("");
}

int main()
{
    static shop::cart *cart = new shop::cart;
    for (int i = 0; i < 100; i++) {
        cart->add(3000);
        keeps(1000);
        drops(500);
    }
    return 0;
}
