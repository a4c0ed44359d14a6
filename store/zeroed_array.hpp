#pragma once
// A fixed array of zeroed memory that costs nothing until it is touched: the kernel hands it out page by page, and
// takes all of it back at the end. (calloc would not do: it clears by hand what it has given out before.) For types
// that are valid when all zero and need no destructor.

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace mxwarden::store {

template <class T>
class ZeroedArray {
  static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);

 public:
  ZeroedArray() = default;
  explicit ZeroedArray(std::size_t size) : size_(size) {
    void* memory = mmap(nullptr, size * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    // Where it is random which page is touched, finding pages costs as much as the memory. May be refused.
    madvise(memory, size * sizeof(T), MADV_HUGEPAGE);
    first_ = static_cast<T*>(memory);
  }
  ZeroedArray(ZeroedArray&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ZeroedArray& operator=(ZeroedArray&& other) noexcept {
    std::swap(first_, other.first_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ZeroedArray() {
    if (first_ != nullptr) munmap(first_, size_ * sizeof(T));
  }

  T& operator[](std::size_t index) { return first_[index]; }
  const T& operator[](std::size_t index) const { return first_[index]; }
  std::size_t size() const { return size_; }

 private:
  T* first_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace mxwarden::store
