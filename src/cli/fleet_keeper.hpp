#pragma once
// What `corral fleet sync` does again and again: the list, the boxes and HAProxy are looked at, and HAProxy is told what
// is different.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/fleet_asking.hpp"
#include "cli/fleet_discovery.hpp"
#include "cli/fleet_lists_port.hpp"
#include "corral/boxes/edge_sync.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

struct round_end {
    bool asked = false;       // HAProxy answered
    bool all_answer = false;  // so did all boxes
    bool settled = false;     // nothing is left to be done
    bool complete = true;     // nothing stayed that can't be brought about
};

// Counted since the start.
struct sync_counts {
    std::uint64_t rounds = 0;
    std::uint64_t done = 0;     // commands
    std::uint64_t refused = 0;  // commands
    std::map<std::string, std::uint64_t> failures{{"box", 0}, {"discovery", 0}, {"haproxy", 0}, {"list", 0}};
};

class fleet_keeper {
public:
    // `of`: of `file`, which is read again for each round.
    fleet_keeper(boxes::boxes_file of, std::string file, core::seconds interval);

    // The port of the lists, where there is to be one.
    [[nodiscard]] core::result<void> open();
    // Acts on what boxes have told within `patience`; those that take longer keep their routes, and come in a later
    // round.
    round_end round(core::milliseconds patience);

private:
    // What a box said last, and whether it does so now.
    struct box_memory {
        std::string place;
        std::string ip;
        std::optional<std::vector<std::string>> models;
        nlohmann::ordered_json tags;
        nlohmann::ordered_json names;
        nlohmann::ordered_json running;
        bool heard = false;   // it was asked to the end at least once
        std::string trouble;  // why it does not answer; empty: it does
    };

    void read_list();
    bool join_found();
    void ask_boxes(core::milliseconds patience);
    void hear(told_box told);
    void tell_lists();
    void bring_about(const boxes::edge_sight& seen, round_end& end);
    bool perform(const boxes::sync_command& one);
    void forget_refusals();
    void tell_remarks(const std::vector<std::string>& remarks);
    void tell_figures(core::nanoseconds took, const round_end& end);

    boxes::boxes_file of_;  // with the boxes that are found
    std::string file_;
    core::seconds interval_;
    std::vector<boxes::box_entry> listed_;
    std::unique_ptr<box_finder> finder_;
    std::map<std::string, box_memory> memory_;  // by the name of a box; those of the list alone
    std::map<std::string, core::steady_time> refused_;
    std::set<std::string> remarks_;
    std::string edge_trouble_;
    std::string list_trouble_;
    std::string join_trouble_;
    sync_counts counts_;
    double agreed_ = 0;  // Unix time in seconds; 0: never
    fleet_lists_port port_;
    box_askers askers_;  // the last, so that it ends first
};

}  // namespace corral::cli
