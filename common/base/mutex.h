#pragma once

#include <mutex>

// Clang's thread-safety annotations (checked with -Wthread-safety in the asan preset); nothing to
// other compilers. Names as in Clang's documentation.
#if defined(__clang__)
#define COMMITTEST_ANNOTATION(x) __attribute__((x))
#else
#define COMMITTEST_ANNOTATION(x)
#endif
#define CAPABILITY(x) COMMITTEST_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY COMMITTEST_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) COMMITTEST_ANNOTATION(guarded_by(x))
#define PT_GUARDED_BY(x) COMMITTEST_ANNOTATION(pt_guarded_by(x))
#define REQUIRES(...) COMMITTEST_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) COMMITTEST_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) COMMITTEST_ANNOTATION(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) COMMITTEST_ANNOTATION(try_acquire_capability(__VA_ARGS__))
#define EXCLUDES(...) COMMITTEST_ANNOTATION(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS COMMITTEST_ANNOTATION(no_thread_safety_analysis)

namespace committest {

/// `std::mutex` that the thread-safety analysis knows. Stands beside what it guards:
/// `int count_ GUARDED_BY(mutex_);`
class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  bool try_lock() TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

/// Holds a `Mutex` for a scope. Works with `std::condition_variable_any`: pass the lock itself, and
/// write the wait as a loop over the condition, because the analysis does not look into lambdas.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  /// For `std::condition_variable_any` only: the wait gives the mutex back before it returns, so
  /// to the analysis it is held all the time.
  void lock() NO_THREAD_SAFETY_ANALYSIS { mutex_.lock(); }
  void unlock() NO_THREAD_SAFETY_ANALYSIS { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

}  // namespace committest
