#include "common/base/random.h"

#include <random>

#include "common/base/mutex.h"

namespace committest {
namespace {

class Engine final : public Random {
 public:
  explicit Engine(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t Next() override {
    MutexLock lock(mutex_);
    return engine_();
  }

 private:
  Mutex mutex_;
  std::mt19937_64 engine_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Random> MakeSystemRandom() {
  std::random_device device;
  return std::make_unique<Engine>((std::uint64_t{device()} << 32U) | device());
}

std::unique_ptr<Random> MakeSeededRandom(std::uint64_t seed) {
  return std::make_unique<Engine>(seed);
}

}  // namespace committest
