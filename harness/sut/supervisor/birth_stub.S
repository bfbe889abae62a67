# How a program's process is made, without a copy of the supervisor's memory: clone with CLONE_VM, then a list of system calls.
# A call is 8 words: its number, in the upper half of the word whether it may fail, six arguments, and room for its result. One that
# fails and may not ends the child with status 127, so the last one is an execve. The child writes nothing but results; it never
# returns.
# Build: gcc -c -nostdlib birth_stub.S && objcopy -O binary -j .text birth_stub.o
.intel_syntax noprefix
.set CLONE_VM_SIGCHLD, 0x111
.set CLONE, 56
.set EXIT_GROUP, 231

    push rbx                            # long born(rdi list, rsi stack): the child's process id, or an error
    mov rbx, rdi
    mov edi, CLONE_VM_SIGCHLD
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    mov eax, CLONE
    syscall
    test rax, rax
    jz 1f
    pop rbx
    ret
1:  mov eax, [rbx]
    mov rdi, [rbx+8]
    mov rsi, [rbx+16]
    mov rdx, [rbx+24]
    mov r10, [rbx+32]
    mov r8, [rbx+40]
    mov r9, [rbx+48]
    syscall
    mov [rbx+56], rax
    test rax, rax
    js 2f
3:  add rbx, 64
    jmp 1b
2:  cmp dword ptr [rbx+4], 0
    jne 3b
    mov edi, 127
    mov eax, EXIT_GROUP
    syscall
    hlt
