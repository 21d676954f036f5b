#pragma once
// HAProxy's configuration for the boxes of a fleet, for version 2.6 and later (docs/fleet.md, docs/facts/other_wires.md).

#include <deque>
#include <string>
#include <vector>

#include "corral/boxes/boxes_file.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::boxes {

// How often HAProxy may be reloaded. A reload leaves the old worker running until its last answer has ended, so boxes
// whose models change all the time would fill the memory with workers.
class reload_pace {
public:
    static constexpr std::size_t most = 20;
    static constexpr core::seconds span{300};

    [[nodiscard]] bool may_reload(core::steady_time now) const {
        return latest_.size() < most || now - latest_.front() >= span;
    }

    void note(core::steady_time now) {
        latest_.push_back(now);
        if (latest_.size() > most) {
            latest_.pop_front();
        }
    }

private:
    std::deque<core::steady_time> latest_;  // the last `most`
};

// A key that the edge lets in.
struct edge_key {
    std::string name;    // as a key's name is, for a comment
    std::string digest;  // SHA-256 in lower case hex
};

// The whole text, the same for the same input. Fails where a box has no list of models. `keys` count with edge.keys
// only. REQUIRES: `file` was read by read_boxes_file() or parse_boxes().
[[nodiscard]] core::result<std::string> render_haproxy(const boxes_file& file,
                                                       const std::vector<edge_key>& keys);

// The name of the backend for each model, in the order of `models` (routed names, sorted): "model_qwen3:4b". Characters
// that HAProxy has no room for become '.', and a number behind it keeps names apart.
[[nodiscard]] std::vector<std::string> backend_names(const std::vector<std::string>& models);

}  // namespace corral::boxes
