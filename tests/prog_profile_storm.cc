// SPDX-License-Identifier: MIT
// prog_profile_storm.cc - a program that allocates wherever a stack is hard to look at, and
// knows nothing of memlog. What it prints is the same each time.
//
//   prog_profile_storm throw TIMES       exceptions through many frames, in several threads
//   prog_profile_storm libraries TIMES A B   two libraries loaded and unloaded in turn
//   prog_profile_storm signals TIMES     handlers that allocate, some of which jump away
//   prog_profile_storm ends              constructors, thread-local objects, atexit
//   prog_profile_storm threads TIMES     that start, exit, are cancelled, have little stack
//   prog_profile_storm contexts TIMES    coroutines, handlers on stacks of their own
//   prog_profile_storm forks TIMES       fork, vfork and posix_spawn beside busy threads
//   prog_profile_storm frames TIMES      without tables, with nonsense for a frame pointer
#include <alloca.h>
#include <atomic>
#include <climits>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <pthread.h>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

#define NOINLINE __attribute__((noinline))

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    dprintf(2, "does not hold: %s\n", what);
    _exit(1);
}

// A block that is touched, looked at, and freed: what others write into it is seen.
extern "C" NOINLINE size_t use_block(size_t bytes)
{
    auto *block = static_cast<unsigned char *>(malloc(bytes));
    check(block != nullptr, "there is memory");
    memset(block, static_cast<int>(bytes % 251), bytes);
    size_t sum = block[0] + static_cast<size_t>(block[bytes - 1]);
    free(block);
    return sum == 2 * (bytes % 251);
}

extern "C" NOINLINE size_t deep(unsigned levels)
{
    volatile char room[48];
    room[0] = static_cast<char>(levels);
    size_t below = levels == 0 ? use_block(100) : deep(levels - 1) + use_block(16 + levels);
    return below + static_cast<size_t>(room[0] == static_cast<char>(levels)) - 1;
}

// ---- exceptions ---------------------------------------------------------------------------

struct Guard {
    std::string text;
    explicit Guard(unsigned i) : text(40 + i % 30, 'g') {}
    ~Guard() { use_block(text.size()); }
};

NOINLINE static unsigned throw_through(unsigned levels)
{
    Guard guard(levels);
    if (levels == 0)
        throw std::runtime_error("from far below, with a text of some length " + guard.text);
    return throw_through(levels - 1) + static_cast<unsigned>(guard.text.size());
}

NOINLINE static unsigned rethrow_through(unsigned levels)
{
    if (levels == 0)
        return throw_through(20);
    try {
        return rethrow_through(levels - 1);
    } catch (const std::exception &) {
        use_block(70 + levels);
        throw;
    }
}

static unsigned long catch_them(unsigned times)
{
    unsigned long caught = 0;
    for (unsigned i = 0; i < times; i++) {
        try {
            i % 3 == 0 ? rethrow_through(i % 12) : throw_through(i % 150);
        } catch (const std::runtime_error &error) {
            caught += error.what()[0] == 'f';
        }
    }
    return caught;
}

static int throw_storm(unsigned times)
{
    std::atomic<unsigned long> caught{0};
    std::atomic<bool> ending{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; i++)
        threads.emplace_back([&] { caught += catch_them(times); });
    std::thread walker([&] {
        while (!ending)
            deep(90);
    });
    caught += catch_them(times);
    for (auto &thread : threads)
        thread.join();
    ending = true;
    walker.join();
    return printf("caught %lu\n", caught.load()) < 0;
}

// ---- libraries -----------------------------------------------------------------------------

static int libraries_storm(unsigned times, char **paths)
{
    using function = size_t (*)(size_t (*)(size_t), unsigned);
    std::atomic<bool> ending{false};
    std::thread walker([&] {
        while (!ending)
            catch_them(3);
    });
    size_t sum = 0;
    for (unsigned i = 0; i < times; i++) {
        void *library = dlopen(paths[i % 2], RTLD_NOW);
        check(library != nullptr, "a library is loaded");
        auto call = reinterpret_cast<function>(dlsym(library, "call_back"));
        check(call != nullptr, "it has its function");
        for (unsigned k = 0; k < 40; k++)
            sum += call(use_block, k % 10);
        check(dlclose(library) == 0, "it is unloaded");
    }
    ending = true;
    walker.join();
    return printf("called back %zu\n", sum) < 0;
}

// ---- signals ----------------------------------------------------------------------------------

// A handler may allocate where it has not interrupted an allocation, and jump there, too.
static volatile sig_atomic_t is_allocating, handled, jumped;
static sigjmp_buf anywhere;
static size_t handlers_sum;

static void storm_handler(int)
{
    if (is_allocating != 0)
        return;
    handlers_sum += use_block(300) + deep(5);
    handled = handled + 1;
    if (handled % 7 == 0)
        siglongjmp(anywhere, 1);
}

NOINLINE static unsigned compute(unsigned levels)
{
    volatile unsigned sum = levels;
    for (unsigned i = 0; i < 300; i++)
        sum = sum * 31 + i;
    return levels == 0 ? sum : compute(levels - 1) + sum;
}

static int signals_storm(unsigned times)
{
    static char other_stack[1 << 16];
    stack_t stack = {};
    stack.ss_sp = other_stack;
    stack.ss_size = sizeof(other_stack);
    check(sigaltstack(&stack, nullptr) == 0, "handlers can have a stack");
    struct sigaction action = {};
    action.sa_handler = storm_handler;
    sigfillset(&action.sa_mask); // nor does it interrupt itself where it allocates
    sigaction(SIGPROF, &action, nullptr);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGALRM, &action, nullptr);
    const struct itimerval often = { { 0, 700 }, { 0, 700 } }, never = {};
    setitimer(ITIMER_PROF, &often, nullptr);
    setitimer(ITIMER_REAL, &often, nullptr);
    static size_t sum;
    if (sigsetjmp(anywhere, 1) != 0)
        jumped = jumped + 1;
    while (handled < static_cast<sig_atomic_t>(times)) {
        compute(20);
        is_allocating = 1;
        sum += deep(8);
        is_allocating = 0;
        raise(handled % 2 ? SIGPROF : SIGALRM);
    }
    setitimer(ITIMER_PROF, &never, nullptr);
    setitimer(ITIMER_REAL, &never, nullptr);
    check(jumped > 0 && sum > 0, "handlers jumped");
    return printf("handled well: %d\n", handlers_sum == static_cast<size_t>(handled) * 7) < 0;
}

// ---- beginnings and ends ---------------------------------------------------------------------

static std::atomic<size_t> at_ends;

struct Early {
    std::vector<std::string> texts;
    Early() { at_ends += deep(3); texts.assign(10, std::string(90, 'e')); }
    ~Early() { at_ends += use_block(80) + texts.size(); printf("at ends %zu\n", at_ends.load()); }
};
static Early early;

__attribute__((constructor(102))) static void first_of_all() { free(malloc(333)); }
__attribute__((destructor)) static void last_of_all() { free(malloc(444)); }

struct Local {
    std::string text = std::string(100, 'l');
    ~Local() { at_ends += deep(4) + text.size(); }
};
static thread_local Local local;
static pthread_key_t key;

static void forget_value(void *value)
{
    free(value);
    at_ends += use_block(60);
    static thread_local int rounds;
    if (++rounds < 3) // another round, after thread-local objects are gone
        pthread_setspecific(key, malloc(50));
}

static int ends_storm()
{
    check(pthread_key_create(&key, forget_value) == 0, "there is a key");
    for (int i = 0; i < 50; i++) {
        std::thread thread([] {
            at_ends += local.text.size();
            pthread_setspecific(key, malloc(70));
        });
        thread.join();
    }
    atexit([] { at_ends += deep(10); });
    at_ends += local.text.size();
    return 0;
}

// ---- threads -----------------------------------------------------------------------------------

static std::atomic<size_t> in_threads;

NOINLINE static void exit_after(unsigned levels, void *result)
{
    Guard guard(levels);
    if (levels > 0)
        exit_after(levels - 1, result);
    if (use_block(20) != 0)
        pthread_exit(result);
}

static void *exit_from_below(void *argument)
{
    Guard guard(7);
    in_threads += use_block(200);
    exit_after(15, argument);
    return nullptr;
}

static void *wait_to_be_cancelled(void *)
{
    Guard guard(9);
    pthread_cleanup_push([](void *) { in_threads += deep(6); }, nullptr);
    for (;;) {
        use_block(150);
        pthread_testcancel();
    }
    pthread_cleanup_pop(0);
    return nullptr;
}

static void *with_little(void *)
{
    in_threads += use_block(500) + use_block(5000) + use_block(100000) + deep(2);
    return nullptr;
}

static int threads_storm(unsigned times)
{
    pthread_attr_t little;
    pthread_attr_init(&little);
    check(pthread_attr_setstacksize(&little, PTHREAD_STACK_MIN) == 0, "a stack may be small");
    for (unsigned i = 0; i < times; i++) {
        pthread_t exits, cancelled, small;
        void *result;
        pthread_create(&exits, nullptr, exit_from_below, &in_threads);
        pthread_create(&cancelled, nullptr, wait_to_be_cancelled, nullptr);
        check(pthread_create(&small, &little, with_little, nullptr) == 0, "a small one starts");
        pthread_cancel(cancelled);
        check(pthread_join(exits, &result) == 0 && result == &in_threads, "it exits from below");
        check(pthread_join(small, nullptr) == 0, "it exits");
        check(pthread_join(cancelled, &result) == 0, "it is cancelled");
        in_threads -= result == PTHREAD_CANCELED ? 0 : 1;
    }
    return printf("in threads: %d\n", in_threads >= times * 7) < 0;
}

// ---- other stacks --------------------------------------------------------------------------------

enum : size_t { CONTEXT_STACK = 12 << 10, NOTHING = 1 << 20 };

// Room of another size each time, as the caller says: nobody can know it from the place.
extern "C" NOINLINE size_t with_room(size_t bytes)
{
    volatile char *room = static_cast<volatile char *>(alloca(bytes));
    room[bytes - 1] = 1;
    return use_block(90) + static_cast<size_t>(room[bytes - 1]) - 1;
}

static ucontext_t home, away;
static size_t in_contexts;

// New heights, at which a profile is written: not here.
static void peak()
{
    void *blocks[8];
    for (size_t i = 0; i < 8; i++)
        in_contexts += (blocks[i] = malloc(size_t(1) << (20 + i))) != nullptr;
    for (void *block : blocks)
        free(block);
}

static void run_away()
{
    peak();
    for (;;) {
        in_contexts += with_room(16) + deep(10);
        swapcontext(&away, &home);
        try {
            throw_through(5);
        } catch (const std::exception &) {
            in_contexts += use_block(40);
        }
        swapcontext(&away, &home);
    }
}

// A stack with nothing above it and nothing below.
static char *new_stack(size_t bytes)
{
    auto *around = static_cast<char *>(mmap(nullptr, 2 * NOTHING + bytes, PROT_NONE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    check(around != MAP_FAILED && mprotect(around + NOTHING, bytes, PROT_READ | PROT_WRITE) == 0,
          "there is a stack");
    return around + NOTHING;
}
static void give_stack(char *stack, size_t bytes) { munmap(stack - NOTHING, 2 * NOTHING + bytes); }

static void handle_elsewhere(int)
{
    peak();
    in_contexts += with_room(32) + deep(3);
}

static void in_and_out(unsigned times, char *stack, char *handlers_stack)
{
    stack_t alternate = {};
    alternate.ss_sp = handlers_stack;
    alternate.ss_size = CONTEXT_STACK;
    sigaltstack(&alternate, nullptr);
    getcontext(&away);
    away.uc_stack.ss_sp = stack;
    away.uc_stack.ss_size = CONTEXT_STACK;
    away.uc_link = &home;
    makecontext(&away, run_away, 0);
    for (unsigned i = 0; i < times; i++) {
        in_contexts += with_room(300 << 10); // so far it is back here, and not there
        swapcontext(&home, &away);
        raise(SIGUSR1);
    }
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, nullptr);
}

static int contexts_storm(unsigned times)
{
    struct sigaction action = {};
    action.sa_handler = handle_elsewhere;
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, nullptr);
    for (unsigned i = 0; i < times; i++) { // above the thread's own, and below the first thread's
        char *stack = new_stack(CONTEXT_STACK), *handlers_stack = new_stack(CONTEXT_STACK);
        std::thread(in_and_out, 10, stack, handlers_stack).join();
        in_and_out(10, stack, handlers_stack);
        give_stack(stack, CONTEXT_STACK);
        give_stack(handlers_stack, CONTEXT_STACK);
    }
    return printf("in contexts %zu\n", in_contexts) < 0;
}

// ---- processes ----------------------------------------------------------------------------------

static pid_t start(unsigned how)
{
    static char program[] = "/bin/true";
    static char *const arguments[] = { program, nullptr }, *const none[] = { nullptr };
    pid_t child = -1;
    if (how == 0) {
        child = fork();
        if (child == 0)
            _exit(catch_them(5) == 5 && deep(20) > 0 ? 0 : 1);
    } else if (how == 1) {
        child = vfork();
        if (child == 0) {
            execve(program, arguments, none);
            _exit(1);
        }
    } else {
        posix_spawn(&child, program, nullptr, nullptr, arguments, none);
    }
    return child;
}

static int forks_storm(unsigned times)
{
    std::atomic<bool> ending{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++)
        threads.emplace_back([&ending, i] {
            while (!ending)
                i % 2 ? catch_them(2) : deep(30);
        });
    unsigned well = 0;
    for (unsigned i = 0; i < times; i++) {
        int status = 1;
        pid_t child = start(i % 3);
        well += waitpid(child, &status, 0) == child && status == 0;
    }
    ending = true;
    for (auto &thread : threads)
        thread.join();
    return printf("children that ended well %u\n", well) < 0;
}

// ---- frames ------------------------------------------------------------------------------------------

// malloc_untold(bytes): of a frame that no table knows. malloc_with(bytes, frame_pointer).
asm(".text\n"
    ".type malloc_untold, @function\n"
    "malloc_untold:\n"
    "    subq $40, %rsp\n"
    "    call malloc@PLT\n"
    "    addq $40, %rsp\n"
    "    ret\n"
    ".size malloc_untold, . - malloc_untold\n"
    ".type malloc_with, @function\n"
    "malloc_with:\n"
    "    .cfi_startproc\n"
    "    pushq %rbp\n"
    "    .cfi_def_cfa_offset 16\n"
    "    .cfi_offset %rbp, -16\n"
    "    movq %rsi, %rbp\n"
    "    call malloc@PLT\n"
    "    popq %rbp\n"
    "    .cfi_def_cfa_offset 8\n"
    "    ret\n"
    "    .cfi_endproc\n"
    ".size malloc_with, . - malloc_with\n");
extern "C" void *malloc_untold(size_t bytes);
extern "C" void *malloc_with(size_t bytes, uintptr_t frame_pointer);

static size_t in_frames;
static char *nothing;

NOINLINE static void with_nonsense()
{
    uintptr_t words[8] = {};
    auto here = reinterpret_cast<uintptr_t>(words);
    words[0] = here;                                     // a frame that is its own caller
    words[1] = here;
    words[2] = here + 1;                                 // a crooked one
    words[3] = 12345;
    words[4] = reinterpret_cast<uintptr_t>(nothing) + 8; // one in the middle of nowhere
    words[5] = 12345;
    const uintptr_t values[] = { 0, 1, 7, 8, UINTPTR_MAX, UINTPTR_MAX - 15, here, here + 16,
                                 here + 32, here + 3, reinterpret_cast<uintptr_t>(nothing),
                                 reinterpret_cast<uintptr_t>(nothing) + NOTHING, here - 4096,
                                 uintptr_t(1) << 47, reinterpret_cast<uintptr_t>(&in_frames) };
    for (uintptr_t value : values) {
        void *block = malloc_with(80, value);
        in_frames += block != nullptr;
        free(block);
    }
    void *block = malloc_untold(60);
    in_frames += use_block(70) + static_cast<size_t>(block != nullptr);
    free(block);
}

static void with_nonsense_away() { with_nonsense(); }

static void all_frames(unsigned times)
{
    char *stack = new_stack(CONTEXT_STACK);
    nothing = stack + CONTEXT_STACK; // which a chain leads to from there
    for (unsigned i = 0; i < times; i++) {
        with_nonsense();
        getcontext(&away);
        away.uc_stack.ss_sp = stack;
        away.uc_stack.ss_size = CONTEXT_STACK;
        away.uc_link = &home;
        makecontext(&away, with_nonsense_away, 0);
        swapcontext(&home, &away);
    }
    give_stack(stack, CONTEXT_STACK);
}

static int frames_storm(unsigned times)
{
    all_frames(times);
    std::thread(all_frames, times).join();
    return printf("in frames %zu\n", in_frames) < 0;
}

int main(int argc, char **argv)
{
    const std::string mode = argc > 1 ? argv[1] : "";
    unsigned times = argc > 2 ? static_cast<unsigned>(atoi(argv[2])) : 0;
    if (mode == "throw")
        return throw_storm(times);
    if (mode == "libraries" && argc == 5)
        return libraries_storm(times, argv + 3);
    if (mode == "signals")
        return signals_storm(times);
    if (mode == "ends")
        return ends_storm();
    if (mode == "threads")
        return threads_storm(times);
    if (mode == "contexts")
        return contexts_storm(times);
    if (mode == "forks")
        return forks_storm(times);
    if (mode == "frames")
        return frames_storm(times);
    fprintf(stderr, "usage: see the head of prog_profile_storm.cc\n");
    return 2;
}
