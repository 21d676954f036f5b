#include "corral/boxes/edge_sync.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "boxes/edge_rules.hpp"
#include "corral/core/text.hpp"

namespace corral::boxes {

namespace {

constexpr const char* all_boxes = "boxes";  // the backend
constexpr std::size_t most_models = 1'024;  // of a box

// What a command may hold without quotes. REQUIRES of HAProxy: a name has no ';', no space and no backslash.
bool is_plain(std::string_view model) {
    constexpr std::size_t longest = 250;
    return !model.empty() && model.size() <= longest && std::ranges::all_of(model, [](char c) {
        return core::is_letter(c) || core::is_digit(c) ||
               std::string_view("_.-:/").find(c) != std::string_view::npos;
    });
}

// A path with an odd byte is no word of a command.
bool is_plain_path(const std::filesystem::path& path) {
    const std::string text = path.string();
    return std::ranges::all_of(text, [](char c) {
        return core::is_letter(c) || core::is_digit(c) ||
               std::string_view("_.-:/+,@=~").find(c) != std::string_view::npos;
    });
}

std::string host_text(const std::string& ip) {
    return ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
}

class planner {
public:
    planner(const std::vector<wanted_box>& boxes, const edge_settings& edge, const edge_sight& seen,
            const sync_rules& rules)
        : boxes_(boxes), edge_(edge), seen_(seen), rules_(rules) {}

    sync_plan run() {
        index();
        read_wishes();
        keep_boxes();
        keep_slots();
        fill_spares();
        release();
        for (auto* const phase : {&give_, &take_, &remove_}) {
            for (sync_command& one : *phase) {
                append(std::move(one));
            }
        }
        return std::move(plan_);
    }

private:
    using names = std::set<std::string>;

    void append(sync_command one) {
        if (rules_.refused.contains(one.text)) {
            return;
        }
        if (plan_.commands.size() < rules_.most_commands) {
            plan_.commands.push_back(std::move(one));
        }
    }

    void index() {
        for (const seen_server& one : seen_.servers) {
            servers_[one.backend][one.name] = &one;
        }
        for (const wanted_box& box : boxes_) {
            listed_.emplace(box.entry.name, &box);
        }
        for (const seen_slot& slot : seen_.slots) {
            for (const std::string& model : slot.models) {
                if (!is_plain(model)) {
                    continue;
                }
                // A name leads to the first slot that has it, in HAProxy too.
                if (slot.models.front() == model && slot_of_.emplace(model, &slot).second) {
                    model_of_[slot.id] = model;
                } else {
                    take_.push_back({"del acl #" + std::to_string(slot.id) + " " + model,
                                     "model " + model + " has another backend than " + slot.backend});
                }
            }
        }
    }

    void read_wishes() {
        for (const wanted_box& box : boxes_) {
            if (box.models) {
                std::size_t count = 0;
                for (const std::string& model : *box.models) {
                    if (is_plain(model) && count++ < most_models) {
                        wishes_[model].insert(box.entry.name);
                    }
                }
                if (count > most_models) {
                    plan_.remarks.push_back("box " + box.entry.name + " tells more than " +
                                            std::to_string(most_models) +
                                            " models; those beyond get no route");
                }
                continue;
            }
            for (const auto& [model, slot] : slot_of_) {
                const seen_server* const there = server_at(slot->backend, box.entry.name);
                if (there != nullptr && !there->maintenance) {
                    wishes_[model].insert(box.entry.name);
                }
            }
        }
    }

    [[nodiscard]] const seen_server* server_at(const std::string& backend, const std::string& name) const {
        const auto in = servers_.find(backend);
        if (in == servers_.end()) {
            return nullptr;
        }
        const auto found = in->second.find(name);
        return found == in->second.end() ? nullptr : found->second;
    }

    void keep_boxes() {
        for (const wanted_box& box : boxes_) {
            keep_server(all_boxes, box, "");
        }
        drop_others(all_boxes, {}, true);
    }

    void keep_slots() {
        for (const seen_slot& slot : seen_.slots) {
            const auto model = model_of_.find(slot.id);
            if (model == model_of_.end()) {
                continue;
            }
            const auto wish = wishes_.find(model->second);
            const bool gone = std::ranges::find(seen_.gone, model->second) != seen_.gone.end();
            const std::string list = "acl #" + std::to_string(gone_list) + " " + model->second;
            if (wish == wishes_.end()) {
                if (slot.backend.starts_with("spare_")) {
                    take_.push_back({"del acl #" + std::to_string(slot.id) + " " + model->second,
                                     "model " + model->second + " has no box any more"});
                } else if (!gone) {
                    take_.push_back({"add " + list, "model " + model->second + " has no box any more"});
                }
                drop_others(slot.backend, {}, slot.backend.starts_with("spare_"));
                continue;
            }
            for (const std::string& name : wish->second) {
                keep_server(slot.backend, *listed_.at(name), model->second);
            }
            if (gone) {
                give_.push_back({"del " + list, "model " + model->second + " has boxes again"});
            }
            drop_others(slot.backend, wish->second, false);
        }
        for (const std::string& model : seen_.gone) {
            if (is_plain(model) && !slot_of_.contains(model)) {
                take_.push_back({"del acl #" + std::to_string(gone_list) + " " + model, ""});
            }
        }
    }

    void fill_spares() {
        auto slot = seen_.slots.begin();
        std::size_t without = 0;
        std::string first;
        for (const auto& [model, on] : wishes_) {
            if (slot_of_.contains(model)) {
                continue;
            }
            slot = std::find_if(slot, seen_.slots.end(), [&](const seen_slot& one) {
                const auto in = servers_.find(one.backend);
                return one.backend.starts_with("spare_") && one.models.empty() &&
                       (in == servers_.end() || in->second.empty());
            });
            if (slot == seen_.slots.end()) {
                first = without++ == 0 ? model : first;
                continue;
            }
            // The name first, so that a slot that is cut short here is known by it in the next round.
            give_.push_back({"add acl #" + std::to_string(slot->id) + " " + model,
                             "model " + model + " is served by backend " + slot->backend});
            for (const std::string& name : on) {
                keep_server(slot->backend, *listed_.at(name), model);
            }
            ++slot;
        }
        if (without > 0) {
            plan_.remarks.push_back(
                "no spare backend is left for model " + first +
                (without > 1 ? " and " + std::to_string(without - 1) + " more" : std::string()) +
                "; write the configuration again by 'corral fleet render --ask' and reload HAProxy");
        }
    }

    // Spare backends whose model went: their servers ask agents for that model.
    void release() {
        for (const seen_slot& slot : seen_.slots) {
            if (slot.models.empty() && slot.backend.starts_with("spare_")) {
                drop_others(slot.backend, {}, true);
            }
        }
    }

    // All servers of `backend` but those in `keep`; in the backend of all boxes, but those of the list. `remove`: their
    // places are needed.
    void drop_others(const std::string& backend, const names& keep, bool remove) {
        const auto in = servers_.find(backend);
        if (in == servers_.end()) {
            return;
        }
        for (const auto& [name, server] : in->second) {
            const bool listed = listed_.contains(name);
            if (keep.contains(name) || (backend == all_boxes && listed)) {
                continue;
            }
            const std::string place = backend + "/" + name;
            if (server->agent_on) {
                take_.push_back({"disable agent " + place, ""});
            }
            if (!server->maintenance) {
                take_.push_back({"set server " + place + " state maint", place + " gets no more requests"});
            } else if (remove || !listed) {
                // Refused while a request runs there, and for what other parts of the configuration need.
                (backend == all_boxes ? remove_ : take_).push_back({"del server " + place, ""});
            }
        }
    }

    void keep_server(const std::string& backend, const wanted_box& box, const std::string& model) {
        const std::string place = backend + "/" + box.entry.name;
        const seen_server* const there = server_at(backend, box.entry.name);
        if (there == nullptr) {
            add_server(backend, box, model);
            return;
        }
        if (there->check_idle) {
            give_.push_back({"enable health " + place, ""});
        }
        if (there->agent_idle) {
            give_.push_back({"enable agent " + place, ""});
        }
        const bool moved =
            !there->by_name && (there->address != box.ip || there->port != box.entry.address.port);
        if (moved && !box.ip.empty()) {
            give_.push_back({"set server " + place + " addr " + box.ip + " port " +
                                 std::to_string(*box.entry.address.port),
                             place + " has another address now"});
        }
        if (!box.entry.agent_port && there->weight != box.entry.weight) {
            give_.push_back({"set server " + place + " weight " + std::to_string(box.entry.weight),
                             place + " has another weight now"});
        }
        if (there->maintenance) {
            give_.push_back({"set server " + place + " state ready", place + " gets requests"});
        }
    }

    void add_server(const std::string& backend, const wanted_box& box, const std::string& model) {
        const box_entry& of = box.entry;
        if (box.ip.empty()) {
            return;
        }
        if (!is_plain_path(of.ca_file) || !is_plain_path(of.client_certificate)) {
            plan_.remarks.push_back("box " + of.name +
                                    " can't be added while HAProxy runs, for a path of its files has other "
                                    "characters than letters, digits and '_.-/'; render again and reload");
            return;
        }
        const std::string place = backend + "/" + of.name;
        std::string text =
            "add server " + place + " " + host_text(box.ip) + ":" + std::to_string(*of.address.port) +
            " weight " + std::to_string(of.weight) +
            check_words("1s", model.empty() ? listed_.size() > 1 : wishes_.at(model).size() > 1);
        if (!model.empty()) {
            text +=
                " maxconn " + std::to_string(of.max_requests) + " maxqueue " + std::to_string(edge_.queue);
        }
        if (of.address.tls) {
            // Unlike a written server's, its check is plain unless that is said.
            text += " check-ssl ssl verify required ca-file " +
                    (of.ca_file.empty() ? std::string("@system-ca") : of.ca_file.string());
            if (of.address.host != box.ip) {
                text += " sni str(" + of.address.host + ") verifyhost " + of.address.host;
            }
            if (!of.client_certificate.empty()) {
                text += " crt " + of.client_certificate.string();
            }
        }
        if (edge_.proxy_protocol) {
            text += " send-proxy-v2 check-send-proxy";
        }
        if (is_reserve(of, edge_)) {
            text += " backup";
        }
        if (of.agent_port) {
            // A command holds no line end; Corral's agent takes these two characters for one.
            text += " agent-check agent-port " + std::to_string(*of.agent_port) +
                    " agent-inter 1s agent-send " + model +
                    (edge_.affinity && !model.empty() ? "\\ steady" : "") + "\\\\n";
        }
        give_.push_back({std::move(text), place + " is added"});
        give_.push_back({"enable health " + place, ""});
        if (of.agent_port) {
            give_.push_back({"enable agent " + place, ""});
        }
        give_.push_back({"set server " + place + " state ready", ""});
    }

    const std::vector<wanted_box>& boxes_;
    const edge_settings& edge_;
    const edge_sight& seen_;
    const sync_rules& rules_;
    std::map<std::string, std::map<std::string, const seen_server*>> servers_;  // by backend and name
    std::map<std::string, const wanted_box*> listed_;
    std::map<std::string, const seen_slot*> slot_of_;  // by model
    std::map<unsigned, std::string> model_of_;         // by the slot's number
    std::map<std::string, names> wishes_;              // the boxes of each model
    std::vector<sync_command> give_;
    std::vector<sync_command> take_;
    std::vector<sync_command> remove_;  // a box itself, behind its models
    sync_plan plan_;
};

}  // namespace

sync_plan plan_sync(const std::vector<wanted_box>& boxes, const edge_settings& edge, const edge_sight& seen,
                    const sync_rules& rules) {
    return planner(boxes, edge, seen, rules).run();
}

}  // namespace corral::boxes
