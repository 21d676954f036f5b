#pragma once

#include <span>
#include <vector>

#include "vocabulary.hpp"

// The rows that the device holds, by layer, each told by the id that it was computed from: so a hole, a stale row or
// a row of somebody else's conversation shows in what the model says. What the original believes to be in it is not
// counted but read back from a mask, which outlives resets; hence the rows that it counts wrongly.
namespace corral::sim {

class kv_cache {
public:
    static constexpr int hole = -1;  // an empty row, or one that is not the same in all layers

    explicit kv_cache(int layers) : layers_(static_cast<std::size_t>(layers > 0 ? layers : 1)) {}

    // What the original takes for cached (precompute_len).
    int length() const { return length_; }
    int layers() const { return static_cast<int>(layers_.size()); }

    // After the last chunk of a reset. With none, rows of the conversation before stay where they are.
    void reset_to(int length) { length_ = length; }
    // Before a further prompt: clears the device and uploads what is believed to be cached. The original skips it
    // where nothing is.
    void upload();
    // Rows from position `at` on, in so many layers.
    void prefill(int at, std::span<const int> ids, int layers);
    // One row. Its position is marked as visible as soon as layer 0 has read it.
    void decode(int at, int id, int layers);
    // A step that the device failed leaves the row of the step before.
    void repeat_row(int at) { decode(at, last_step_, layers()); }
    // The end of a run. Without a step since the process began the mask says nothing, and the length stays.
    void save();

    // Whether any of the first `count` rows was made by decode: another compiled graph than that of prefill.
    bool decoded(int count) const;
    // The ids of the first `count` rows, with `hole` for those that none can be told of.
    token_ids rows(int count) const;

private:
    void set(std::size_t layer, int at, int id, bool by_decode);

    std::vector<std::vector<int>> layers_;
    std::vector<bool> decoded_;  // by position
    int length_ = 0;
    int mask_ = -1;
    int last_step_ = hole;
};

// What the model reads there: a hole is a text of its own.
token_ids readable(const token_ids& rows);

}  // namespace corral::sim
