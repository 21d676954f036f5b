// corral fleet render --watch: HAProxy's configuration follows the boxes and their models.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include <unistd.h>

#include "cli/base/remote_server.hpp"
#include "cli/fleet/fleet_command.hpp"
#include "corral/boxes/haproxy.hpp"
#include "corral/catalog/whole_file.hpp"
#include "corral/core/say.hpp"
#include "corral/package/bounded_program.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_line = 500;
constexpr std::size_t longest_configuration = 64UL * 1024 * 1024;
constexpr core::seconds answer_limit{3};  // a box that takes longer keeps its routes
constexpr core::seconds patience{60};  // with boxes that were not heard yet, before an older file is replaced
constexpr std::chrono::seconds program_limit{60};

// Its end, in words; empty: it was well.
std::string run(const std::vector<std::string>& command) {
    const auto end = package::run_bounded({command, package::clean_variables(), program_limit, true});
    if (!end) {
        return "'" + command.front() + "' can't be started; see that it is installed";
    }
    if (end->whole && end->status == 0) {
        return {};
    }
    return "'" + command.front() + "' " +
           (end->whole ? "failed" : "takes longer than " + std::to_string(program_limit.count()) + " s") +
           ", and said: " + end->output.substr(0, longest_line);
}

class fleet_watch {
public:
    explicit fleet_watch(boxes::boxes_file of, const watch_options& asked)
        : asked_(asked), target_(fs::absolute(asked.target)), of_(std::move(of)) {
        if (auto text = read_bounded(target_, longest_configuration)) {
            written_ = *std::move(text);
        }
    }

    void look() {
        read_list();
        const bool known = ask_boxes();
        if (!known && !written_.empty() && std::chrono::steady_clock::now() - begun_ < patience) {
            return;  // a box that is not known yet would look like one without models
        }
        if (keys_) {
            write();
        }
    }

private:
    struct box_memory {
        std::string place;
        std::vector<std::string> models;
        bool heard = false;
        std::string trouble;  // why it does not tell all; empty: it does
    };

    // A line where it is another than before; `good`: of its end.
    static void tell(std::string& before, const std::string& trouble, const std::string& good) {
        if (std::exchange(before, trouble) == trouble) {
            return;
        }
        if (trouble.empty()) {
            telemetry::log().info("{} event=fleet.well", telemetry::printable(good, longest_line));
        } else {
            const core::reason said = core::say("fleet.trouble", telemetry::printable(trouble, longest_line));
            telemetry::warn(said, "{} event=fleet.trouble", said);
        }
    }

    void read_list() {
        boxes::boxes_reading read = boxes::read_boxes_file(asked_.list);
        tell(list_trouble_,
             read.errors.empty()
                 ? std::string()
                 : catalog::to_text(read.errors.front()) + "; all stays as it was in its last good form",
             "the list of boxes is read again");
        if (read.value) {
            of_ = *std::move(read.value);
        }
        std::string complaints;
        auto keys = edge_keys_of(of_.edge, [&](const std::string& text) { complaints += text + "; "; });
        tell(keys_trouble_, complaints, "the key file is valid again");
        if (keys) {
            keys_ = std::move(keys);
        }
    }

    // Whether each box without 'models' has reported its own once.
    bool ask_boxes() {
        std::vector<boxes::box_entry> asked;
        std::set<std::string> names;
        for (const boxes::box_entry& box : of_.boxes) {
            if (!box.models) {
                asked.push_back(box);
                names.insert(box.name);
            }
        }
        std::erase_if(memory_, [&](const auto& one) { return !names.contains(one.first); });
        const auto lists = tags_of(asked, {answer_limit, of_.edge.proxy_protocol});
        bool known = true;
        for (std::size_t i = 0; i < lists.size(); ++i) {
            const std::string& name = asked[i].name;
            box_memory& mine = memory_[name];
            if (mine.place != place_of(asked[i])) {
                mine = box_memory();
                mine.place = place_of(asked[i]);
            }
            std::string trouble = lists[i] ? std::string() : "box " + name + ": " + lists[i].error().message;
            if (lists[i]) {
                mine.models = boxes::routed_names(*lists[i]);
                mine.heard = true;
                if (mine.models.size() > most_models_of_a_box) {
                    mine.models.resize(most_models_of_a_box);
                    trouble = core::say("fleet.not-reloaded/too-many", name, most_models_of_a_box);
                }
            }
            tell(mine.trouble, trouble, "box " + name + " answers again");
            known = known && mine.heard;
        }
        return known;
    }

    void write() {
        boxes::boxes_file whole = of_;
        for (boxes::box_entry& box : whole.boxes) {
            if (!box.models) {
                box.models = memory_[box.name].models;
            }
        }
        const auto text = boxes::render_haproxy(whole, *keys_);
        if (!text) {
            tell(file_trouble_, text.error().message, "");
            return;
        }
        const auto now = std::chrono::steady_clock::now();
        if ((*text == written_ && !reload_is_due_) || *text == refused_ || !pace_.may_reload(now)) {
            return;
        }
        if (*text != written_) {
            const std::string problem = replace(*text);
            tell(file_trouble_, problem, "HAProxy's configuration is written again");
            if (!problem.empty()) {
                return;
            }
        }
        const std::string problem = run(asked_.command);
        tell(reload_trouble_,
             problem.empty() ? problem : core::say("fleet.not-reloaded/reload", problem).text(),
             "HAProxy is reloaded again");
        reload_is_due_ = !problem.empty();
        if (problem.empty()) {
            pace_.note(now);
            telemetry::log().info("HAProxy reads its configuration again event=fleet.reloaded");
        }
    }

    // The target has `text`, where HAProxy takes that; else what is in the way.
    std::string replace(const std::string& text) {
        const fs::path fresh = target_.string() + ".new";
        if (const auto made = catalog::write_whole_file(fresh, text); !made) {
            return made.error().message;
        }
        if (const std::string problem = run({"haproxy", "-c", "-f", fresh.string()}); !problem.empty()) {
            refused_ = text;
            return core::say("fleet.not-reloaded/stays", problem);
        }
        std::error_code error;
        fs::rename(fresh, target_, error);
        if (error) {
            return core::say("fleet.not-reloaded/replace", target_, error);
        }
        written_ = text;
        reload_is_due_ = true;
        refused_.clear();
        return {};
    }

    const watch_options& asked_;
    const fs::path target_;
    const core::steady_time begun_ = std::chrono::steady_clock::now();
    boxes::boxes_file of_;                              // in its last good form
    std::optional<std::vector<boxes::edge_key>> keys_;  // so are these
    std::map<std::string, box_memory> memory_;          // by the name of a box that is asked
    std::string list_trouble_;
    std::string keys_trouble_;
    std::string file_trouble_;
    std::string reload_trouble_;
    std::string written_;        // what the target has
    std::string refused_;        // what HAProxy does not take
    bool reload_is_due_ = true;  // what HAProxy runs is not known
    boxes::reload_pace pace_;
};

}  // namespace

int watch_fleet(const watch_options& asked) {
    auto read = boxes_of(asked.list);
    if (!read) {
        return bad_configuration;
    }
    // The target is replaced as a whole: there is nothing to put in order.
    for (const int signal : {SIGTERM, SIGINT}) {
        std::signal(signal, [](int) { ::_exit(0); });
    }
    fleet_watch watch(*std::move(read), asked);
    while (true) {
        watch.look();
        std::this_thread::sleep_for(asked.interval);
    }
}

}  // namespace corral::cli
