#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A small reversible vocabulary in the shape of Qwen's: byte tokens, common pieces, and the special ids of
// the original. Both personalities share it, as both originals share tokenizer.json.
namespace corral::sim {

constexpr int id_two_newlines = 151642;  // only with encoding_quirks::merges_newlines
constexpr int id_endoftext = 151643;
constexpr int id_im_start = 151644;
constexpr int id_im_end = 151645;  // EOS
constexpr int vocabulary_rows = 151936;

using token_ids = std::vector<int>;

// How other tokenizers of the field differ.
struct encoding_quirks {
    bool merges_newlines = false;  // two newlines are one token, as in Qwen's own
    bool strips = false;  // all control tokens but <|endoftext|> eat the white space behind them, as Phi-3's
    bool knows_control = true;  // else their texts are ordinary text
};

class vocabulary {
public:
    static const vocabulary& instance();

    // Special-token texts become control tokens wherever they stand, as in the original.
    token_ids encode(std::string_view text, const encoding_quirks& quirks = {}) const;
    // Special-token texts stay ordinary text.
    token_ids encode_plain(std::string_view text) const;
    // The bytes of the tokens; may end inside a character. Unknown ids have no text.
    std::string decode(std::span<const int> ids) const;

private:
    struct node {
        std::int32_t next[256];
        std::int32_t id;
    };

    vocabulary();
    void add_piece(std::string_view piece, int id);
    void append_plain(std::string_view text, token_ids& out, bool merges_newlines = false) const;

    std::vector<std::string> pieces_;
    std::vector<node> nodes_;
};

// Pieces after the 256 bytes, in id order.
std::span<const std::string_view> common_pieces();
// The special texts and their ids.
std::span<const std::pair<std::string_view, int>> special_tokens();

}  // namespace corral::sim
