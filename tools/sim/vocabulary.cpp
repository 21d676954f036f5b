#include "vocabulary.hpp"

#include <algorithm>
#include <optional>

namespace corral::sim {
namespace {

constexpr int first_piece_id = 256;

std::optional<std::pair<std::string_view, int>> special_at(std::string_view text) {
    for (const auto& [piece, id] : special_tokens())
        if (text.starts_with(piece)) return std::pair{piece, id};
    return std::nullopt;
}

}  // namespace

const vocabulary& vocabulary::instance() {
    static const vocabulary* const one = new vocabulary;  // outlives detached threads
    return *one;
}

vocabulary::vocabulary() {
    nodes_.emplace_back();
    std::fill(std::begin(nodes_[0].next), std::end(nodes_[0].next), -1);
    nodes_[0].id = -1;
    for (int byte = 0; byte < first_piece_id; ++byte)
        add_piece(std::string(1, static_cast<char>(static_cast<unsigned char>(byte))), byte);
    int id = first_piece_id;
    for (auto piece : common_pieces()) add_piece(piece, id++);
}

void vocabulary::add_piece(std::string_view piece, int id) {
    pieces_.emplace_back(piece);
    std::size_t at = 0;
    for (char c : piece) {
        const auto byte = static_cast<unsigned char>(c);
        if (nodes_[at].next[byte] < 0) {
            node fresh{};
            std::fill(std::begin(fresh.next), std::end(fresh.next), -1);
            fresh.id = -1;
            nodes_[at].next[byte] = static_cast<std::int32_t>(nodes_.size());
            nodes_.push_back(fresh);
        }
        at = static_cast<std::size_t>(nodes_[at].next[byte]);
    }
    if (nodes_[at].id < 0) nodes_[at].id = id;
}

void vocabulary::append_plain(std::string_view text, token_ids& out, bool merges_newlines) const {
    std::size_t begin = 0;
    while (begin < text.size()) {
        if (merges_newlines && text.substr(begin).starts_with("\n\n")) {
            out.push_back(id_two_newlines);
            begin += 2;
            continue;
        }
        std::size_t at = 0;
        std::size_t best_length = 1;
        std::int32_t best_id = static_cast<unsigned char>(text[begin]);
        for (std::size_t end = begin; end < text.size(); ++end) {
            const auto next = nodes_[at].next[static_cast<unsigned char>(text[end])];
            if (next < 0) break;
            at = static_cast<std::size_t>(next);
            if (nodes_[at].id >= 0) {
                best_id = nodes_[at].id;
                best_length = end - begin + 1;
            }
        }
        out.push_back(best_id);
        begin += best_length;
    }
}

token_ids vocabulary::encode(std::string_view text, const encoding_quirks& quirks) const {
    token_ids out;
    if (!quirks.knows_control) {
        append_plain(text, out, quirks.merges_newlines);
        return out;
    }
    std::size_t plain_begin = 0;
    std::size_t at = 0;
    while ((at = text.find('<', at)) != std::string_view::npos) {
        const auto special = special_at(text.substr(at));
        if (!special) {
            ++at;
            continue;
        }
        append_plain(text.substr(plain_begin, at - plain_begin), out, quirks.merges_newlines);
        out.push_back(special->second);
        at += special->first.size();
        if (quirks.strips && special->second != id_endoftext)
            at = std::min(text.find_first_not_of(" \n\t", at), text.size());
        plain_begin = at;
    }
    append_plain(text.substr(plain_begin), out, quirks.merges_newlines);
    return out;
}

token_ids vocabulary::encode_plain(std::string_view text) const {
    token_ids out;
    append_plain(text, out);
    return out;
}

std::string vocabulary::decode(std::span<const int> ids) const {
    std::string out;
    for (int id : ids) {
        if (id >= 0 && static_cast<std::size_t>(id) < pieces_.size()) {
            out += pieces_[static_cast<std::size_t>(id)];
            continue;
        }
        if (id == id_two_newlines) out += "\n\n";
        for (const auto& [piece, special] : special_tokens())
            if (special == id) out += piece;
    }
    return out;
}

}  // namespace corral::sim
