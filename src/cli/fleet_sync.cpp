// corral fleet sync: HAProxy is kept right while boxes and their models come and go.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <boost/asio/ip/address.hpp>

#include "cli/fleet_command.hpp"
#include "cli/fleet_lists_port.hpp"
#include "cli/fleet_tags.hpp"
#include "cli/haproxy_socket.hpp"
#include "corral/boxes/edge_sync.hpp"
#include "corral/boxes/fleet_lists.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using ordered = nlohmann::ordered_json;

constexpr std::size_t longest_line = 500;
constexpr unsigned most_seconds = 3'600;

struct sync_options {
    std::string file;
    unsigned interval = 2;  // seconds
    bool once = false;
};

// What a box said last, and whether it does so now.
struct box_memory {
    std::string address;
    std::string ip;
    std::optional<std::vector<std::string>> models;
    ordered tags;
    ordered names;
    ordered running;
    std::string trouble;  // why it does not answer; empty: it does
};

struct round_end {
    bool asked = false;       // HAProxy answered
    bool all_answer = false;  // so did all boxes
    bool settled = false;     // nothing is left to be done
    bool complete = true;     // nothing stayed that can't be brought about
};

bool is_removal(const std::string& command) {
    return command.starts_with("del server ");
}

class fleet_keeper {
public:
    fleet_keeper(boxes::boxes_file of, std::string file) : of_(std::move(of)), file_(std::move(file)) {}

    core::result<void> open() {
        return of_.edge.lists.empty() ? core::result<void>() : port_.listen(of_.edge.lists);
    }

    round_end round() {
        read_list();
        ask_boxes();
        round_end end;
        end.all_answer =
            std::ranges::all_of(memory_, [](const auto& one) { return one.second.trouble.empty(); });
        const auto seen = look_at_haproxy(of_.edge.socket);
        tell_change(edge_trouble_, seen ? std::string() : seen.error().message, "HAProxy answers again");
        if (seen) {
            end.asked = true;
            bring_about(*seen, end);
        }
        return end;
    }

private:
    // A line where it is another than before.
    static void tell_change(std::string& before, const std::string& now, const std::string& good) {
        if (std::exchange(before, now) == now) {
            return;
        }
        if (now.empty()) {
            telemetry::log().info("{} event=fleet.well", good);
        } else {
            telemetry::log().warn("the fleet has trouble: {} event=fleet.trouble",
                                  telemetry::printable(now, longest_line));
        }
    }

    // The boxes alone: the edge's own settings are those that HAProxy was started with.
    void read_list() {
        boxes::boxes_reading read = boxes::read_boxes_file(file_);
        tell_change(list_trouble_,
                    read.errors.empty() ? std::string()
                                        : catalog::to_text(read.errors.front()) +
                                              "; the boxes stay as they were in its last good form",
                    "the list of boxes is read again");
        if (read.value) {
            of_.boxes = std::move(read.value->boxes);
        }
    }

    void ask_boxes() {
        const auto told = lists_of(
            of_.boxes,
            {.targets = {"/api/tags", "/v1/models", "/api/ps"}, .limit = core::seconds(3), .at_once = 64});
        std::set<std::string> listed;
        for (std::size_t i = 0; i < of_.boxes.size(); ++i) {
            const boxes::box_entry& box = of_.boxes[i];
            const std::string address = box.address.host_text() + ":" + std::to_string(*box.address.port);
            listed.insert(box.name);
            box_memory& mine = memory_[box.name];
            if (mine.address != address) {
                mine = box_memory();
                mine.address = address;
                boost::system::error_code name;
                const auto literal = boost::asio::ip::make_address(box.address.host, name);
                mine.ip = name ? std::string() : literal.to_string();
            }
            const auto models = told[i] ? names_in(told[i]->all[0]) : told[i].error();
            tell_change(mine.trouble,
                        models ? std::string() : "box " + box.name + ": " + models.error().message,
                        "box " + box.name + " answers again");
            if (models) {
                mine.ip = told[i]->ip;
                mine.models = boxes::routed_names(*models);
                mine.tags = told[i]->all[0];
                mine.names = told[i]->all[1];
                mine.running = told[i]->all[2];
            } else {
                mine.running = ordered::object();  // who knows
            }
        }
        std::erase_if(memory_, [&](const auto& one) { return !listed.contains(one.first); });
        tell_lists();
    }

    void tell_lists() {
        std::vector<ordered> tags;
        std::vector<ordered> names;
        std::vector<ordered> running;
        for (const boxes::box_entry& box : of_.boxes) {
            const box_memory& mine = memory_.at(box.name);
            if (mine.models) {
                tags.push_back(mine.tags);
                names.push_back(mine.names);
                running.push_back(mine.running);
            }
        }
        if (!tags.empty()) {
            const auto text = [](const ordered& list) {
                return list.dump(-1, ' ', false, ordered::error_handler_t::replace);
            };
            port_.tell({text(boxes::joined_tags(tags)), text(boxes::joined_models(names)),
                        text(boxes::joined_running(running))});
        }
    }

    void bring_about(const boxes::edge_sight& seen, round_end& end) {
        forget_refusals();
        std::vector<boxes::wanted_box> wanted;
        for (const boxes::box_entry& box : of_.boxes) {
            const box_memory& mine = memory_.at(box.name);
            wanted.push_back({box, mine.ip, mine.models});
        }
        boxes::sync_rules rules;
        for (const auto& [command, when] : refused_) {
            rules.refused.insert(command);
        }
        const boxes::sync_plan plan = boxes::plan_sync(wanted, of_.edge, seen, rules);
        tell_remarks(plan.remarks);
        end.settled = plan.commands.empty();
        end.complete = plan.remarks.empty() && std::ranges::all_of(rules.refused, is_removal);
        for (const boxes::sync_command& one : plan.commands) {
            const auto answer = ask_haproxy(of_.edge.socket, one.text);
            if (!answer) {
                tell_change(edge_trouble_, answer.error().message, "");
                return;
            }
            if (boxes::is_done(*answer)) {
                if (!one.note.empty()) {
                    telemetry::log().info("{} event=fleet.changed",
                                          telemetry::printable(one.note, longest_line));
                }
                continue;
            }
            refused_[one.text] = std::chrono::steady_clock::now();
            // A server with a request under way, or that others track, goes later or with the next reload.
            if (!is_removal(one.text)) {
                telemetry::log().warn(
                    "HAProxy refuses '{}': {}; render its configuration again and reload it "
                    "event=fleet.refused",
                    telemetry::printable(one.text, longest_line),
                    telemetry::printable(*answer, longest_line));
            }
        }
    }

    // A server that goes while a request runs there is refused for a moment only.
    void forget_refusals() {
        constexpr core::seconds kept{60};
        constexpr core::seconds kept_of_removals{5};
        const auto now = std::chrono::steady_clock::now();
        std::erase_if(refused_, [&](const auto& one) {
            return now - one.second > (is_removal(one.first) ? kept_of_removals : kept);
        });
    }

    void tell_remarks(const std::vector<std::string>& remarks) {
        std::set<std::string> now(remarks.begin(), remarks.end());
        for (const std::string& one : now) {
            if (!remarks_.contains(one)) {
                telemetry::log().warn("HAProxy can't be kept right as it runs: {} event=fleet.incomplete",
                                      telemetry::printable(one, longest_line));
            }
        }
        remarks_ = std::move(now);
    }

    boxes::boxes_file of_;
    std::string file_;
    std::map<std::string, box_memory> memory_;  // by the name of a box; those of the list alone
    std::map<std::string, core::steady_time> refused_;
    std::set<std::string> remarks_;
    std::string edge_trouble_;
    std::string list_trouble_;
    fleet_lists_port port_;
};

// A little longer or shorter each time, so that several of these do not ask together.
void rest(core::seconds span) {
    static std::minstd_rand random{std::random_device{}()};
    constexpr double spread = 0.2;
    std::this_thread::sleep_for(std::chrono::duration<double>(span) *
                                std::uniform_real_distribution(1 - spread, 1 + spread)(random));
}

int sync_once(fleet_keeper& keeper) {
    constexpr unsigned most_rounds = 20;
    for (unsigned i = 0; i < most_rounds; ++i) {
        const round_end end = keeper.round();
        if (!end.asked) {
            return failed;
        }
        if (end.settled) {
            return end.all_answer && end.complete ? succeeded : failed;
        }
    }
    return failed;
}

int sync_fleet(const sync_options& asked) {
    auto read = boxes_of(asked.file);
    if (!read) {
        return bad_configuration;
    }
    // Each command to HAProxy is whole in itself, and nothing is kept here: there is nothing to put in order.
    for (const int signal : {SIGTERM, SIGINT}) {
        std::signal(signal, [](int) { ::_exit(0); });
    }
    const std::size_t count = read->boxes.size();
    fleet_keeper keeper(*std::move(read), asked.file);
    if (asked.once) {
        return sync_once(keeper);
    }
    if (const auto opened = keeper.open(); !opened) {
        return fail(opened.error().message);
    }
    telemetry::log().info("keeping HAProxy right for {} boxes event=fleet.begins", count);
    while (true) {
        (void)keeper.round();  // what went wrong is in the log
        rest(core::seconds(asked.interval));
    }
}

}  // namespace

void add_fleet_sync(CLI::App& fleet, command_context& context) {
    auto asked = std::make_shared<sync_options>();
    CLI::App* one = fleet.add_subcommand(
        "sync", "Keep HAProxy right while boxes and models come and go; until it is ended by a signal");
    one->add_option("file", asked->file, "The list of boxes, such as boxes.toml; it may change meanwhile")
        ->required()
        ->type_name("FILE");
    one->add_option("--interval", asked->interval, "Seconds between two looks; else 2")
        ->check(CLI::Range(1U, most_seconds))
        ->type_name("SECONDS");
    one->add_flag("--once", asked->once,
                  "Return when nothing is left to be done; status 1 where a box or HAProxy did not answer, "
                  "or something "
                  "needs a new configuration");
    one->parse_complete_callback([asked, &context] { context.run = [asked] { return sync_fleet(*asked); }; });
}

}  // namespace corral::cli
