// This library replaces ptrace(2) in the kernel of user-mode Linux 6.1, with LD_PRELOAD. That kernel keeps the
// floating-point state of a process in 2696 bytes. On a processor with AMX, the state has more than 10 kB, and the
// kernel of the machine accepts only the whole state (xstateregs_set in arch/x86/kernel/fpu/regset.c). This ptrace
// reads and writes the whole state, and gives user-mode Linux the part that it has room for. The rest are the registers
// of AMX. A process may use them only after arch_prctl(ARCH_REQ_XCOMP_PERM), which user-mode Linux does not have.

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { nt_x86_xstate = 0x202 };

// The buffer is static, because the stacks of user-mode Linux have no room for it. It needs no lock: user-mode Linux
// traces in one thread, and its tasks do not preempt each other.
static char whole[64 << 10];

static long transfer(enum __ptrace_request request, int pid, struct iovec *part)
{
	struct iovec all = {whole, sizeof whole};

	if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, nt_x86_xstate, &all) < 0)
		return -1;
	if (part->iov_len > all.iov_len)
		part->iov_len = all.iov_len;
	if (request == PTRACE_GETREGSET) {
		memcpy(part->iov_base, whole, part->iov_len);
		return 0;
	}
	memcpy(whole, part->iov_base, part->iov_len);
	return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, nt_x86_xstate, &all);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list args;
	long pid, address, data, peeked;

	va_start(args, request);
	pid = va_arg(args, int);
	address = va_arg(args, long);
	data = va_arg(args, long);
	va_end(args);
	switch (request) {
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		if (address == nt_x86_xstate)
			return transfer(request, pid, (struct iovec *)data);
		break;
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
	case PTRACE_PEEKUSER:
		if (syscall(SYS_ptrace, request, pid, address, &peeked) < 0)
			return -1;
		errno = 0;
		return peeked;
	default:
		break;
	}
	return syscall(SYS_ptrace, request, pid, address, data);
}
