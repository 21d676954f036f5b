#pragma once
// A model of the server's cache (docs/facts/vendor_ax.md#cache): a row for each position and layer, the
// length read back from the mask, what each way to end a run leaves.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

class modelled_cache {
public:
    static constexpr std::size_t layers = 3;

    explicit modelled_cache(std::size_t positions) {
        for (auto& rows : rows_) {
            rows.assign(positions + 4, empty_row);
        }
    }

    std::size_t length = 0;  // as the next run reads it

    // With no ids nothing is cleared, and the mask stays; others are computed, and no token is sampled.
    void reset(const token_ids& ids = {}) {
        length = 0;
        warm_ = false;
        prefill(ids);
        length = at_;
    }
    // Every layer has exactly these.
    [[nodiscard]] bool holds(const token_ids& ids) const {
        return length == ids.size() && std::all_of(rows_.begin(), rows_.end(), [&ids](const token_ids& rows) {
                   return std::equal(ids.begin(), ids.end(), rows.begin());
               });
    }

    // Ways for a run to end; each gives the ids of the answer.
    void prefill(const token_ids& fresh) {
        for (auto& rows : rows_) {
            std::copy(fresh.begin(), fresh.end(), rows.begin() + static_cast<std::ptrdiff_t>(length));
        }
        at_ = length + fresh.size();
    }
    void stopped_in_prefill() {
        if (length == 0 || !warm_) {
            length = mask_;  // rows of the conversation before become visible
        }
    }
    // Reads one token, in the first `whole` layers only.
    void step(std::int64_t id, std::size_t whole = layers) {
        for (std::size_t layer = 0; layer < layers; ++layer) {
            rows_[layer][at_] = layer < whole ? id : empty_row;
        }
        ++at_;
        mask_ = at_;
        warm_ = true;
    }
    void done() { length = mask_; }

    // All that decides what later runs read.
    [[nodiscard]] std::string seen() const {
        std::string out = std::to_string(length) + ',' + std::to_string(mask_) + (warm_ ? "w" : "-");
        for (const token_ids& rows : rows_) {
            for (const std::int64_t row : rows) {
                out += ' ' + std::to_string(row);
            }
        }
        return out;
    }

private:
    static constexpr std::int64_t empty_row = -1;

    std::array<token_ids, layers> rows_;
    std::size_t at_ = 0;
    std::size_t mask_ = 0;  // the last position that a decode step has reached, plus one
    bool warm_ = false;     // there was one since the last reset
};

}  // namespace corral::engine::ax_poll
