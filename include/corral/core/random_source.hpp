#pragma once
// Randomness as a parameter, so that jitter and ids repeat in a test.

#include <cstdint>
#include <random>

namespace corral::core {

class random_source {
public:
    virtual ~random_source() = default;
    // Uniform over all 64-bit values.
    [[nodiscard]] virtual std::uint64_t next() = 0;
    // Uniform in [0, 1).
    [[nodiscard]] double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
};

class seeded_random final : public random_source {
public:
    explicit seeded_random(std::uint64_t seed) : engine_(seed) {}
    [[nodiscard]] std::uint64_t next() override { return engine_(); }

private:
    std::mt19937_64 engine_;
};

// Seeded from the operating system. Not for keys.
class system_random final : public random_source {
public:
    system_random() : engine_(std::random_device{}()) {}
    [[nodiscard]] std::uint64_t next() override { return engine_(); }

private:
    std::mt19937_64 engine_;
};

}  // namespace corral::core
