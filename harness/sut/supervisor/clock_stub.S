# The program's clock: what clock_gettime, gettimeofday, time and getcpu of the vDSO lead to, once clock.py has redirected them.
# Page of numbers at CLOCK: +0 CLOCK_MONOTONIC in ns, +8 what CLOCK_REALTIME is ahead of it, +16 reads since time last moved.
# After FREE_READS reads without a system call each further one moves the clock, so that a loop that waits for time to pass ends.
# Build: gcc -c -nostdlib clock_stub.S && objcopy -O binary -j .text clock_stub.o; entries are 64 bytes aligned, in this order.
.intel_syntax noprefix
.set CLOCK, 0x6fff00000000
.set FREE_READS, 2000
.set STEP_NS, 1000
.set SECOND_NS, 1000000000
.set REALTIME_CLOCKS, 0x921             # 0 realtime, 5 its coarse kin, 8 its alarm, 11 TAI
.set CPU_TIME_CLOCKS, 0x00c             # 2 and 3: the supervisor answers

.p2align 6                              # entry 0: int clock_gettime(edi clock, rsi timespec)
    cmp edi, 15
    ja 1f
    mov eax, CPU_TIME_CLOCKS
    bt eax, edi
    jc 1f
    mov r8d, edi
    call now
    mov ecx, REALTIME_CLOCKS
    bt ecx, r8d
    jnc 2f
    add rax, [rdx+8]
2:  xor edx, edx
    mov ecx, SECOND_NS
    div rcx
    mov [rsi], rax
    mov [rsi+8], rdx
    xor eax, eax
    ret
1:  mov eax, 228
    syscall
    ret

.p2align 6                              # entry 1: int gettimeofday(rdi timeval, rsi timezone)
    test rdi, rdi
    jz 1f
    call now
    add rax, [rdx+8]
    xor edx, edx
    mov ecx, SECOND_NS
    div rcx
    mov [rdi], rax
    mov eax, edx
    xor edx, edx
    mov ecx, 1000
    div ecx
    mov [rdi+8], rax
1:  test rsi, rsi
    jz 2f
    mov qword ptr [rsi], 0
2:  xor eax, eax
    ret

.p2align 7                              # entry 2: time_t time(rdi)
    call now
    add rax, [rdx+8]
    xor edx, edx
    mov ecx, SECOND_NS
    div rcx
    test rdi, rdi
    jz 1f
    mov [rdi], rax
1:  ret

.p2align 6                              # entry 3: int getcpu(rdi cpu, rsi node): always the first
    xor eax, eax
    test rdi, rdi
    jz 1f
    mov [rdi], eax
1:  test rsi, rsi
    jz 2f
    mov [rsi], eax
2:  ret

.p2align 6                              # entry 4: getrandom of newer kernels: ENOSYS, so that the system call is made
    mov rax, -38
    ret

.p2align 6
now:                                    # rax: CLOCK_MONOTONIC in ns; rdx: the page
    movabs rdx, CLOCK
    mov eax, 1
    lock xadd [rdx+16], rax
    cmp rax, FREE_READS
    jae 1f
    mov rax, [rdx]
    ret
1:  mov eax, STEP_NS
    lock xadd [rdx], rax
    ret
