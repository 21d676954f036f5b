#include "runtime/kv_cache.hpp"

#include <algorithm>

namespace corral::sim {

void kv_cache::set(std::size_t layer, int at, int id, bool by_decode) {
    auto& rows = layers_[layer];
    const auto place = static_cast<std::size_t>(at);
    if (rows.size() <= place) rows.resize(place + 1, hole);
    rows[place] = id;
    if (decoded_.size() <= place) decoded_.resize(place + 1);
    decoded_[place] = by_decode;
}

void kv_cache::upload() {
    if (length_ == 0) return;
    for (auto& rows : layers_) {
        const auto kept = std::min(rows.size(), static_cast<std::size_t>(length_));
        std::fill(rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end(), hole);
    }
}

void kv_cache::prefill(int at, std::span<const int> ids, int layers) {
    for (std::size_t layer = 0; layer < layers_.size() && static_cast<int>(layer) < layers; ++layer)
        for (std::size_t i = 0; i < ids.size(); ++i) set(layer, at + static_cast<int>(i), ids[i], false);
}

void kv_cache::decode(int at, int id, int layers) {
    if (layers <= 0) return;
    for (std::size_t layer = 0; layer < layers_.size(); ++layer)
        set(layer, at, static_cast<int>(layer) < layers ? id : hole, true);
    last_step_ = id;
    mask_ = at + 1;
}

void kv_cache::save() {
    if (mask_ >= 0) length_ = mask_;
}

bool kv_cache::decoded(int count) const {
    const auto end = decoded_.begin() + std::min(count, static_cast<int>(decoded_.size()));
    return std::find(decoded_.begin(), end, true) != end;
}

token_ids kv_cache::rows(int count) const {
    token_ids out;
    for (int at = 0; at < count; ++at) {
        const auto place = static_cast<std::size_t>(at);
        const auto row = [place](const std::vector<int>& rows) {
            return place < rows.size() ? rows[place] : hole;
        };
        const int first = row(layers_.front());
        const bool whole =
            std::all_of(layers_.begin(), layers_.end(), [&](const auto& rows) { return row(rows) == first; });
        out.push_back(whole ? first : hole);
    }
    return out;
}

token_ids readable(const token_ids& rows) {
    const auto told = vocabulary::instance().encode_plain("(hole)");
    token_ids out;
    for (const int id : rows) {
        if (id == kv_cache::hole)
            out.insert(out.end(), told.begin(), told.end());
        else
            out.push_back(id);
    }
    return out;
}

}  // namespace corral::sim
