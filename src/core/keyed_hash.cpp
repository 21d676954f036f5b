#include "corral/core/keyed_hash.hpp"

#include <cerrno>

#include <bit>

#include <sys/random.h>
#include <boost/system/system_error.hpp>

namespace corral::core {

keyed_hash::key keyed_hash::random_key() {
    key out{};
    if (::getentropy(out.data(), sizeof out) != 0) {
        throw boost::system::system_error(errno, boost::system::system_category(), "getentropy");
    }
    return out;
}

keyed_hash::keyed_hash(const key& with) noexcept
    : v_{with[0] ^ 0x736f6d6570736575U, with[1] ^ 0x646f72616e646f6dU, with[0] ^ 0x6c7967656e657261U,
         with[1] ^ 0x7465646279746573U} {}

void keyed_hash::round(state& v) noexcept {
    v[0] += v[1];
    v[1] = std::rotl(v[1], 13) ^ v[0];
    v[0] = std::rotl(v[0], 32);
    v[2] += v[3];
    v[3] = std::rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = std::rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = std::rotl(v[1], 17) ^ v[2];
    v[2] = std::rotl(v[2], 32);
}

void keyed_hash::take(state& v, std::uint64_t word) noexcept {
    v[3] ^= word;
    round(v);
    round(v);
    v[0] ^= word;
}

void keyed_hash::feed(std::string_view bytes) noexcept {
    for (const char each : bytes) {
        const std::size_t place = length_++ % 8;
        word_ |= std::uint64_t{static_cast<unsigned char>(each)} << (8 * place);
        if (place == 7) {
            take(v_, word_);
            word_ = 0;
        }
    }
}

void keyed_hash::feed_part(std::string_view bytes) noexcept {
    const std::uint64_t size = bytes.size();
    std::array<char, sizeof size> text{};
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>(size >> (8 * i));
    }
    feed({text.data(), text.size()});
    feed(bytes);
}

std::uint64_t keyed_hash::result() const noexcept {
    state v = v_;
    take(v, word_ | std::uint64_t{length_} << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; ++i) {
        round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

}  // namespace corral::core
