/* SPDX-License-Identifier: MIT */
#include "os/mailbox.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/bits.h"
#include "os/syscall_linux.h"

/* ---- the descriptor ------------------------------------------------------------- */

/* Every socket has a number of its own. 0: that fd is none. */
static uint64_t inode_of(int fd)
{
    struct stat status;
    return ml_syscall3(SYS_fstat, fd, (long)&status, 0) == 0 && S_ISSOCK(status.st_mode)
               ? status.st_ino
               : 0;
}

static bool is_ours(const struct ml_mailbox *box)
{
    return box->fd >= 0 && inode_of(box->fd) == box->inode;
}

/* Programs are written that expect the low numbers from their own open(). */
static int move_up(int fd)
{
    enum { OUT_OF_THE_WAY = 64 };
    int moved = (int)ml_syscall3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    ml_sys_close(fd);
    return moved;
}

/* ---- addresses -------------------------------------------------------------------- */

/* Abstract: a NUL stands before the name. */
static socklen_t to_system(struct sockaddr_un *system, const struct ml_address *address)
{
    memset(system, 0, sizeof(*system));
    system->sun_family = AF_UNIX;
    memcpy(system->sun_path + 1, address->name, address->length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + address->length);
}

/* Length 0: a sender without a name, or with one that we have no room for. */
static void from_system(struct ml_address *address, const struct sockaddr_un *system, socklen_t bytes)
{
    const size_t before = offsetof(struct sockaddr_un, sun_path) + 1;
    size_t length = bytes > before && system->sun_path[0] == '\0' ? bytes - before : 0;
    address->length = length <= sizeof(address->name) ? (uint8_t)length : 0;
    memcpy(address->name, system->sun_path + 1, address->length);
}

void ml_address_of(struct ml_address *address, const char *name)
{
    size_t length = strlen(name);
    address->length = (uint8_t)ml_min(length, sizeof(address->name));
    memcpy(address->name, name, address->length);
}

bool ml_mailbox_address(const struct ml_mailbox *box, struct ml_address *address)
{
    struct sockaddr_un system;
    socklen_t bytes = sizeof(system);
    if (ml_syscall3(SYS_getsockname, box->fd, (long)&system, (long)&bytes) != 0)
        return false;
    from_system(address, &system, bytes);
    return address->length != 0;
}

/* ---- opening -------------------------------------------------------------------------- */

static int bind_to(int fd, const char *name)
{
    struct sockaddr_un system = { .sun_family = AF_UNIX };
    struct ml_address address;
    if (name == NULL) /* the family alone: the kernel makes up a name */
        return (int)ml_syscall3(SYS_bind, fd, (long)&system, sizeof(system.sun_family));
    ml_address_of(&address, name);
    socklen_t bytes = to_system(&system, &address);
    return (int)ml_syscall3(SYS_bind, fd, (long)&system, bytes);
}

/* Before there is a name: no letter comes without it. */
static int tell_by_whom(int fd)
{
    int on = 1;
    return (int)ml_syscall6(SYS_setsockopt, fd, SOL_SOCKET, SO_PASSCRED, (long)&on, sizeof(on), 0);
}

int ml_mailbox_open(struct ml_mailbox *box, const char *name, bool by_whom)
{
    *box = (struct ml_mailbox){ .fd = -1 };
    int fd = (int)ml_syscall3(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        fd = move_up(fd);
    if (fd < 0)
        return fd;
    int error = by_whom ? tell_by_whom(fd) : 0;
    if (error == 0)
        error = bind_to(fd, name);
    if (error != 0) {
        ml_sys_close(fd);
        return error;
    }
    *box = (struct ml_mailbox){ fd, inode_of(fd) };
    return 0;
}

void ml_mailbox_close(struct ml_mailbox *box)
{
    if (is_ours(box))
        ml_sys_close(box->fd);
    box->fd = -1;
}

/* ---- letters ----------------------------------------------------------------------------- */

ssize_t ml_mailbox_read(struct ml_mailbox *box, void *buffer, size_t capacity)
{
    return is_ours(box) ? ml_sys_read(box->fd, buffer, capacity) : -EBADF;
}

static bool find_user(struct msghdr *message, uid_t *user)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS) {
            struct ucred sender;
            memcpy(&sender, CMSG_DATA(part), sizeof(sender));
            *user = sender.uid;
            return true;
        }
    return false;
}

/* Descriptors that somebody sends along find no room, and are closed by the kernel. */
ssize_t ml_mailbox_take(struct ml_mailbox *box, void *buffer, size_t capacity, uid_t *user,
                        struct ml_address *from)
{
    struct sockaddr_un system;
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr alignment;
    } parts;
    struct iovec letter = { buffer, capacity };
    struct msghdr message = { .msg_name = &system, .msg_namelen = sizeof(system), .msg_iov = &letter,
                              .msg_iovlen = 1, .msg_control = &parts, .msg_controllen = sizeof(parts) };
    if (!is_ours(box))
        return -EBADF;
    ssize_t got = ml_syscall3(SYS_recvmsg, box->fd, (long)&message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return got;
    from_system(from, &system, message.msg_namelen);
    return find_user(&message, user) ? got : -EPROTO;
}

int ml_mailbox_send(struct ml_mailbox *box, const struct ml_address *to, const void *letter,
                    size_t bytes)
{
    struct sockaddr_un system;
    socklen_t length = to_system(&system, to);
    if (!is_ours(box))
        return -EBADF;
    long sent = ml_syscall6(SYS_sendto, box->fd, (long)letter, (long)bytes, MSG_DONTWAIT | MSG_NOSIGNAL,
                            (long)&system, length);
    return sent < 0 ? (int)sent : 0;
}
