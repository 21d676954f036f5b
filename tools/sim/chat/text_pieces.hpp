#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

// Turns the bytes of tokens into the pieces that a server sends: whole characters, held back while they could
// begin a stop sequence.
namespace corral::sim {

class text_pieces {
public:
    using sender = std::function<void(const std::string&)>;

    text_pieces(std::vector<std::string> stops, int tokens_per_piece, bool by_character, sender send)
        : stops_(std::move(stops)),
          tokens_per_piece_(tokens_per_piece),
          by_character_(by_character),
          send_(std::move(send)) {}

    // True when a stop sequence is complete; what stands before it has been sent.
    bool add(std::string_view token);
    // Sends what is held back.
    void flush();
    const std::string& sent() const { return sent_; }

private:
    std::size_t sendable() const;
    void send(const std::string& text);

    std::vector<std::string> stops_;
    int tokens_per_piece_;
    bool by_character_;
    sender send_;
    std::string held_;
    std::string sent_;
    int tokens_ = 0;
};

// The beginning of `text` that does not end inside a character, in bytes.
std::size_t whole_characters(std::string_view text);

}  // namespace corral::sim
