#include "io/memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

namespace mqvpn::io {

std::span<std::byte> reserveMemory(std::size_t bytes) {
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap of the frame pool");
  return {static_cast<std::byte*>(memory), bytes};
}

}  // namespace mqvpn::io
