#pragma once
// SipHash-2-4: a hash that can't be aimed at without the key, and that tells nothing of what went in.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corral::core {

class keyed_hash {
public:
    using key = std::array<std::uint64_t, 2>;
    // From the operating system; throws boost::system::system_error where it gives none.
    [[nodiscard]] static key random_key();

    explicit keyed_hash(const key& with) noexcept;
    void feed(std::string_view bytes) noexcept;
    // A part that can't run into the next one: its length goes in too.
    void feed_part(std::string_view bytes) noexcept;
    [[nodiscard]] std::uint64_t result() const noexcept;

private:
    using state = std::array<std::uint64_t, 4>;
    static void round(state& v) noexcept;
    static void take(state& v, std::uint64_t word) noexcept;

    state v_;
    std::uint64_t word_ = 0;  // bytes that are no whole word yet
    std::size_t length_ = 0;
};

}  // namespace corral::core
