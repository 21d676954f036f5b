#pragma once
// The header of the PROXY protocol, versions 1 and 2, by which a proxy says whose connection it passes on
// (docs/facts/other_wires.md). It takes exactly its own bytes, in pieces of any size,
// and keeps at most most_kept of them. Pure.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

namespace corral::http {

class proxy_header {
public:
    enum class progress { more, complete, refused };
    static constexpr std::size_t most_kept =
        107;  // bytes of the longest line of version 1, its line end among them

    // Takes of `bytes` what belongs to the header, and says how many those are: all while it is incomplete.
    std::size_t feed(std::string_view bytes);

    [[nodiscard]] progress state() const noexcept { return state_; }
    // False: not a byte has come.
    [[nodiscard]] bool begun() const noexcept { return size_ > 0; }
    // What was wrong, a part of a sentence: "it begins with something else". Empty unless refused.
    [[nodiscard]] std::string_view why() const noexcept { return why_; }
    // True when not even the first bytes are those of a header.
    [[nodiscard]] bool is_something_else() const noexcept { return something_else_; }
    // The client, an IPv4 address in IPv6 clothes as that. Nothing where the proxy speaks for itself (LOCAL) or can't
    // say (UNKNOWN, UNSPEC, a Unix socket): then the connection's own address counts.
    [[nodiscard]] const std::optional<boost::asio::ip::tcp::endpoint>& client() const noexcept {
        return client_;
    }

private:
    void take(char byte);
    void take_line_byte();
    void take_block_byte();
    void read_line(std::string_view line);
    void read_block();
    void refuse(std::string_view why);
    [[nodiscard]] std::string_view kept() const noexcept { return {kept_.data(), size_}; }
    [[nodiscard]] unsigned byte_at(std::size_t at) const { return static_cast<unsigned char>(kept_[at]); }

    std::array<char, most_kept> kept_{};
    std::size_t size_ = 0;     // of what is kept
    std::size_t skipped_ = 0;  // bytes of a block of version 2 behind its addresses that are still to come
    bool binary_ = false;
    bool something_else_ = false;
    progress state_ = progress::more;
    std::string_view why_;
    std::optional<boost::asio::ip::tcp::endpoint> client_;
};

}  // namespace corral::http
