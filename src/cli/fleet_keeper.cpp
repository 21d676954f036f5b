#include "cli/fleet_keeper.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "cli/fleet_calls.hpp"
#include "cli/haproxy_socket.hpp"
#include "corral/boxes/fleet_lists.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/metrics.hpp"

namespace corral::cli {

namespace {

using ordered = nlohmann::ordered_json;

constexpr std::size_t longest_line = 500;

bool is_removal(const std::string& command) {
    return command.starts_with("del server ");
}

// A line where it is another than before.
void tell_change(std::string& before, const std::string& now, const std::string& good) {
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

std::string literal_of(const std::string& host) {
    boost::system::error_code name;
    const auto literal = boost::asio::ip::make_address(host, name);
    return name ? std::string() : literal.to_string();
}

}  // namespace

fleet_keeper::fleet_keeper(boxes::boxes_file of, std::string file, core::seconds interval)
    : of_(std::move(of)),
      file_(std::move(file)),
      interval_(interval),
      listed_(of_.boxes),
      askers_({.targets = {"/api/tags", "/v1/models", "/api/ps"},
               .limit = core::seconds(6),
               .at_once = 64,
               .announced = of_.edge.proxy_protocol}) {}

core::result<void> fleet_keeper::open() {
    return of_.edge.lists.empty() ? core::result<void>() : port_.listen(of_.edge.lists);
}

round_end fleet_keeper::round(core::milliseconds patience) {
    const auto begun = std::chrono::steady_clock::now();
    round_end end;
    read_list();
    // Whoever is not known yet would look like one who left.
    if (join_found()) {
        ask_boxes(patience);
        end.all_answer = std::ranges::all_of(
            memory_, [](const auto& one) { return one.second.heard && one.second.trouble.empty(); });
        const auto seen = look_at_haproxy(of_.edge.socket);
        tell_change(edge_trouble_, seen ? std::string() : seen.error().message, "HAProxy answers again");
        if (seen) {
            end.asked = true;
            bring_about(*seen, end);
        }
    }
    tell_figures(std::chrono::steady_clock::now() - begun, end);
    return end;
}

// The boxes alone: the edge's own settings are those that HAProxy was started with.
void fleet_keeper::read_list() {
    boxes::boxes_reading read = boxes::read_boxes_file(file_);
    tell_change(list_trouble_,
                read.errors.empty() ? std::string()
                                    : catalog::to_text(read.errors.front()) +
                                          "; the boxes stay as they were in its last good form",
                "the list of boxes is read again");
    if (read.value) {
        listed_ = std::move(read.value->boxes);
        of_.discover = std::move(read.value->discover);
    }
}

// The boxes of the list, and those that are found; false while these are not known.
bool fleet_keeper::join_found() {
    if (!of_.discover) {
        finder_.reset();
        of_.boxes = listed_;
        return true;
    }
    if (!finder_ || finder_->how().srv != of_.discover->srv ||
        finder_->how().resolver != of_.discover->resolver) {
        finder_.reset();
        finder_ = std::make_unique<box_finder>(*of_.discover, interval_);
    }
    const auto found = finder_->latest();
    if (!found) {
        return false;
    }
    boxes::joined_boxes all = boxes::join_boxes(listed_, *of_.discover, *found);
    of_.boxes = std::move(all.boxes);
    tell_change(join_trouble_, all.remarks.empty() ? std::string() : all.remarks.front(),
                "all boxes that are found count");
    return true;
}

void fleet_keeper::ask_boxes(core::milliseconds patience) {
    std::set<std::string> listed;
    for (const boxes::box_entry& box : of_.boxes) {
        listed.insert(box.name);
        box_memory& mine = memory_[box.name];
        if (mine.place != place_of(box)) {
            mine = box_memory();
            mine.place = place_of(box);
            mine.ip = literal_of(box.address.host);
        }
        askers_.ask(box);
    }
    std::erase_if(memory_, [&](const auto& one) { return !listed.contains(one.first); });
    for (told_box& told : askers_.take(patience)) {
        hear(std::move(told));
    }
    tell_lists();
}

void fleet_keeper::hear(told_box told) {
    const auto found = memory_.find(told.name);
    if (found == memory_.end() || found->second.place != told.place) {
        return;  // it has left, or moved
    }
    box_memory& mine = found->second;
    const auto models = told.lists ? names_in(told.lists->all[0]) : told.lists.error();
    mine.heard = true;
    tell_change(mine.trouble, models ? std::string() : "box " + told.name + ": " + models.error().message,
                "box " + told.name + " answers again");
    if (!models) {
        mine.running = ordered::object();  // who knows
        ++counts_.failures["box"];
        return;
    }
    mine.ip = told.lists->ip;
    mine.models = boxes::routed_names(*models);
    mine.tags = std::move(told.lists->all[0]);
    mine.names = std::move(told.lists->all[1]);
    mine.running = std::move(told.lists->all[2]);
}

void fleet_keeper::tell_lists() {
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

void fleet_keeper::bring_about(const boxes::edge_sight& seen, round_end& end) {
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
        if (!perform(one)) {
            return;
        }
    }
}

// False: HAProxy does not answer any more.
bool fleet_keeper::perform(const boxes::sync_command& one) {
    const auto answer = ask_haproxy(of_.edge.socket, one.text);
    if (!answer) {
        tell_change(edge_trouble_, answer.error().message, "");
        return false;
    }
    if (boxes::is_done(*answer)) {
        ++counts_.done;
        if (!one.note.empty()) {
            telemetry::log().info("{} event=fleet.changed", telemetry::printable(one.note, longest_line));
        }
        return true;
    }
    ++counts_.refused;
    refused_[one.text] = std::chrono::steady_clock::now();
    // A server with a request under way, or that others track, goes later or with the next reload.
    if (!is_removal(one.text)) {
        telemetry::log().warn(
            "HAProxy refuses '{}': {}; render its configuration again and reload it event=fleet.refused",
            telemetry::printable(one.text, longest_line), telemetry::printable(*answer, longest_line));
    }
    return true;
}

// A server that goes while a request runs there is refused for a moment only.
void fleet_keeper::forget_refusals() {
    constexpr core::seconds kept{60};
    constexpr core::seconds kept_of_removals{5};
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(refused_, [&](const auto& one) {
        return now - one.second > (is_removal(one.first) ? kept_of_removals : kept);
    });
}

void fleet_keeper::tell_remarks(const std::vector<std::string>& remarks) {
    std::set<std::string> now(remarks.begin(), remarks.end());
    for (const std::string& one : now) {
        if (!remarks_.contains(one)) {
            telemetry::log().warn("HAProxy can't be kept right as it runs: {} event=fleet.incomplete",
                                  telemetry::printable(one, longest_line));
        }
    }
    remarks_ = std::move(now);
}

void fleet_keeper::tell_figures(core::nanoseconds took, const round_end& end) {
    const auto now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    if (end.settled) {
        agreed_ = now;
    }
    ++counts_.rounds;
    const auto note = [&](const std::string& cause, const std::string& trouble) {
        counts_.failures[cause] += trouble.empty() ? 0 : 1;
    };
    note("list", list_trouble_);
    note("haproxy", edge_trouble_);
    counts_.failures["discovery"] += of_.discover && !finder_->latest() ? 1 : 0;
    const auto answering = std::ranges::count_if(
        memory_, [](const auto& one) { return one.second.heard && one.second.trouble.empty(); });
    std::set<std::string> models;
    for (const auto& [name, box] : memory_) {
        if (box.models) {
            models.insert(box.models->begin(), box.models->end());
        }
    }
    telemetry::metric_page page;
    const auto size = [](auto count) { return static_cast<double>(count); };
    page.gauge("corral_fleet_boxes", "Boxes of the list and those that are found.", {}, size(memory_.size()));
    page.gauge("corral_fleet_boxes_answering", "Boxes that told their models when they were asked last.", {},
               size(answering));
    page.gauge("corral_fleet_models", "Models of all boxes.", {}, size(models.size()));
    page.gauge("corral_fleet_sync_unmet", "Differences that need a new configuration of HAProxy.", {},
               size(remarks_.size()));
    page.gauge("corral_fleet_sync_round_seconds", "Length of the last round.", {},
               std::chrono::duration<double>(took).count());
    page.gauge("corral_fleet_sync_agreed_timestamp_seconds",
               "When HAProxy and the boxes agreed last, in Unix time; 0: never.", {}, agreed_);
    page.counter("corral_fleet_sync_rounds_total", "Rounds.", {}, size(counts_.rounds));
    page.counter("corral_fleet_sync_commands_total", "Commands to HAProxy.", {{"result", "done"}},
                 size(counts_.done));
    page.counter("corral_fleet_sync_commands_total", "", {{"result", "refused"}}, size(counts_.refused));
    for (const auto& [cause, count] : counts_.failures) {
        page.counter("corral_fleet_sync_failures_total",
                     "Questions that failed: for the list, by discovery, of HAProxy, of a box.",
                     {{"cause", cause}}, size(count));
    }
    port_.tell_figures(telemetry::text_of(page));
}

}  // namespace corral::cli
