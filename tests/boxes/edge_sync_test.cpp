// A stand-in for HAProxy takes the commands as 2.6 does (docs/facts/haproxy.md#runtime-socket).

#include "corral/boxes/edge_sync.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

namespace corral::boxes {
namespace {

using names = std::vector<std::string>;

std::string id_of(const std::string& list) {
    return list.substr(1);
}

class fake_edge {
public:
    edge_sight sight;

    // Empty: done. Throws for what HAProxy would not understand.
    std::string take(const std::string& command) {
        for (const char c : command) {
            EXPECT_TRUE(c >= ' ' && c < 127 && c != ';') << command;
        }
        std::istringstream in(command);
        names words{std::istream_iterator<std::string>(in), {}};
        if (words.at(0) == "add" && words.at(1) == "server") {
            return add(words);
        }
        if (words[1] == "acl") {
            names& list = list_of(id_of(words.at(2)));
            if (words[0] == "add") {
                list.push_back(words.at(3));
            } else {
                EXPECT_GT(std::erase(list, words.at(3)), 0U) << command;
            }
            return {};
        }
        const auto at = server(words.at(2));
        if (at == sight.servers.end()) {
            ADD_FAILURE() << "no such server: " << command;
            return "No such server.";
        }
        if (words[0] == "disable" || words[0] == "enable") {
            if (words[1] == "agent") {
                at->agent_on = words[0] == "enable";
                at->agent_idle = !at->agent_on;
            } else {
                at->check_idle = false;
            }
        } else if (words[0] == "del") {
            if (!at->maintenance) {
                return "Only servers in maintenance mode can be deleted.";
            }
            sight.servers.erase(at);
        } else if (words.at(3) == "state") {
            at->maintenance = words.at(4) == "maint";
        } else if (words[3] == "addr") {
            at->address = words.at(4);
            at->port = static_cast<std::uint16_t>(std::stoul(words.at(6)));
        } else if (words[3] == "weight") {
            at->weight = static_cast<unsigned>(std::stoul(words.at(4)));
        } else {
            ADD_FAILURE() << command;
        }
        return {};
    }

    // Each agent says "ready", which ends a maintenance.
    void hear_agents() {
        for (seen_server& one : sight.servers) {
            one.maintenance = one.maintenance && !one.agent_on;
        }
    }

    void slot(unsigned id, const std::string& backend, const names& models) {
        sight.slots.push_back({id, backend, models});
    }
    void server(const std::string& backend, const std::string& name, bool maintenance = false) {
        sight.servers.push_back({.backend = backend,
                                 .name = name,
                                 .address = "10.0.0.1",
                                 .port = 11434,
                                 .maintenance = maintenance,
                                 .weight = 100});
    }
    // The boxes that requests for `model` reach; nothing: it is not known.
    [[nodiscard]] std::optional<std::set<std::string>> serving(const std::string& model) const {
        if (std::ranges::find(sight.gone, model) != sight.gone.end()) {
            return std::nullopt;
        }
        for (const seen_slot& one : sight.slots) {
            if (std::ranges::find(one.models, model) != one.models.end()) {
                return in(one.backend);
            }
        }
        return std::nullopt;
    }
    [[nodiscard]] std::set<std::string> in(const std::string& backend) const {
        std::set<std::string> out;
        for (const seen_server& server : sight.servers) {
            if (server.backend == backend && !server.maintenance) {
                EXPECT_FALSE(server.check_idle || server.agent_idle) << backend << "/" << server.name;
                out.insert(server.name);
            }
        }
        return out;
    }

private:
    std::vector<seen_server>::iterator server(const std::string& place) {
        return std::ranges::find_if(
            sight.servers, [&](const seen_server& one) { return one.backend + "/" + one.name == place; });
    }
    names& list_of(const std::string& id) {
        if (id == std::to_string(gone_list)) {
            return sight.gone;
        }
        const auto found =
            std::ranges::find(sight.slots, static_cast<unsigned>(std::stoul(id)), &seen_slot::id);
        EXPECT_NE(found, sight.slots.end());
        return found->models;
    }
    std::string add(const names& words) {
        const std::string& place = words.at(2);
        if (server(place) != sight.servers.end()) {
            ADD_FAILURE() << "it is there already: " << place;
            return "Already exists a server with the same name in backend.";
        }
        const std::size_t slash = place.find('/');
        const std::size_t colon = words.at(3).rfind(':');
        const bool agent = std::ranges::find(words, "agent-check") != words.end();
        sight.servers.push_back({.backend = place.substr(0, slash),
                                 .name = place.substr(slash + 1),
                                 .address = words[3].substr(0, colon),
                                 .port = static_cast<std::uint16_t>(std::stoul(words[3].substr(colon + 1))),
                                 .maintenance = true,
                                 .weight = static_cast<unsigned>(std::stoul(words.at(5))),
                                 .check_idle = true,
                                 .agent_idle = agent});
        return "New server registered.";
    }
};

wanted_box box(const std::string& name, std::optional<names> models, bool agent = false) {
    wanted_box out;
    out.entry.name = name;
    out.entry.address.host = out.ip = "10.0.0.1";
    out.entry.address.port = 11434;
    out.models = std::move(models);
    if (agent) {
        out.entry.agent_port = 9110;
    }
    return out;
}

// Rounds until nothing is left to be done.
sync_plan settle(fake_edge& edge, const std::vector<wanted_box>& boxes, std::size_t most_commands = 1'000) {
    sync_rules rules;
    rules.most_commands = most_commands;
    for (unsigned round = 0; round < 2'000; ++round) {
        edge.hear_agents();
        sync_plan plan = plan_sync(boxes, {}, edge.sight, rules);
        EXPECT_LE(plan.commands.size(), most_commands);
        if (plan.commands.empty()) {
            return plan;
        }
        for (const sync_command& one : plan.commands) {
            EXPECT_TRUE(is_done(edge.take(one.text))) << one.text;
        }
    }
    ADD_FAILURE() << "it does not come to rest";
    return {};
}

names texts(const sync_plan& plan) {
    names out;
    for (const sync_command& one : plan.commands) {
        out.push_back(one.text);
    }
    return out;
}

fake_edge rendered() {
    fake_edge edge;
    edge.slot(first_slot, "model_a:1", {"a:1"});
    edge.slot(first_slot + 1, "spare_1", {});
    edge.slot(first_slot + 2, "spare_2", {});
    for (const char* const backend : {"boxes", "model_a:1"}) {
        edge.server(backend, "one");
    }
    edge.server("boxes", "two");
    return edge;
}

TEST(edge_sync, leaves_alone_what_is_right) {
    const fake_edge edge = rendered();
    EXPECT_EQ(texts(plan_sync({box("one", names{"a:1"}), box("two", names{})}, {}, edge.sight, {})), names{});
}

TEST(edge_sync, a_box_that_has_a_model_now_is_added_to_its_backend) {
    fake_edge edge = rendered();
    const std::vector<wanted_box> boxes{box("one", names{"a:1"}), box("two", names{"a:1"}, true)};
    EXPECT_EQ(
        texts(plan_sync(boxes, {}, edge.sight, {})),
        (names{"add server model_a:1/two 10.0.0.1:11434 weight 100 check inter 1s fall 2 rise 1 observe "
               "layer4 error-limit 1 on-error mark-down maxconn 8 "
               "maxqueue 64 agent-check agent-port 9110 agent-inter 1s agent-send a:1\\ steady\\\\n",
               "enable health model_a:1/two", "enable agent model_a:1/two",
               "set server model_a:1/two state ready"}));
    settle(edge, boxes);
    EXPECT_EQ(edge.serving("a:1"), (std::set<std::string>{"one", "two"}));
}

TEST(edge_sync, a_model_moves_without_a_moment_with_no_box) {
    const fake_edge edge = rendered();
    const names told = texts(plan_sync({box("one", names{}), box("two", names{"a:1"})}, {}, edge.sight, {}));
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.front().substr(0, 25), "add server model_a:1/two ");
    EXPECT_EQ(told.back(), "set server model_a:1/one state maint");
}

TEST(edge_sync, a_new_model_takes_a_spare_backend_and_gives_it_back) {
    fake_edge edge = rendered();
    settle(edge, {box("one", names{"a:1", "b:1"}), box("two", names{"b:1"})});
    EXPECT_EQ(edge.serving("b:1"), (std::set<std::string>{"one", "two"}));
    EXPECT_EQ(edge.in("spare_1"), (std::set<std::string>{"one", "two"}));
    settle(edge, {box("one", names{"a:1"}), box("two", names{})});
    EXPECT_EQ(edge.serving("b:1"), std::nullopt);
    EXPECT_TRUE(std::ranges::none_of(edge.sight.servers, [](const auto& s) {
        return s.backend == "spare_1";
    })) << "its servers would ask their agents for a model of before";
    settle(edge, {box("one", names{"a:1"}), box("two", names{"c:1"})});
    EXPECT_EQ(edge.serving("c:1"), std::set<std::string>{"two"});
}

TEST(edge_sync, a_model_without_any_box_is_unknown_until_one_has_it_again) {
    fake_edge edge = rendered();
    settle(edge, {box("one", names{}), box("two", names{})});
    EXPECT_EQ(edge.serving("a:1"), std::nullopt);
    settle(edge, {box("one", names{"a:1"}), box("two", names{})});
    EXPECT_EQ(edge.serving("a:1"), std::set<std::string>{"one"});
}

TEST(edge_sync, a_box_that_has_not_answered_yet_keeps_its_routes) {
    fake_edge edge = rendered();
    EXPECT_EQ(texts(plan_sync({box("one", std::nullopt), box("two", std::nullopt)}, {}, edge.sight, {})),
              names{});
    settle(edge, {box("one", std::nullopt), box("two", names{"a:1"})});
    EXPECT_EQ(edge.serving("a:1"), (std::set<std::string>{"one", "two"}));
}

TEST(edge_sync, boxes_come_and_go) {
    fake_edge edge = rendered();
    settle(edge, {box("two", names{"a:1"}), box("new", names{"a:1"}, true)});
    EXPECT_EQ(edge.serving("a:1"), (std::set<std::string>{"new", "two"}));
    EXPECT_EQ(edge.in("boxes"), (std::set<std::string>{"new", "two"}));
    const auto of_one = [](const seen_server& server) { return server.name == "one"; };
    EXPECT_TRUE(std::ranges::none_of(edge.sight.servers, of_one));
}

TEST(edge_sync, the_agent_of_a_box_that_went_is_not_asked_any_more) {
    fake_edge edge = rendered();
    for (seen_server& one : edge.sight.servers) {
        one.agent_on = true;
    }
    EXPECT_EQ(
        texts(plan_sync({box("one", names{}, true), box("two", names{}, true)}, {}, edge.sight, {})),
        (names{"add acl #10000 a:1", "disable agent model_a:1/one", "set server model_a:1/one state maint"}));
    settle(edge, {box("one", names{}, true), box("two", names{}, true)});
    settle(edge, {box("one", names{"a:1"}, true), box("two", names{}, true)});
    EXPECT_EQ(edge.serving("a:1"), std::set<std::string>{"one"});
}

TEST(edge_sync, addresses_and_weights_follow_the_list) {
    fake_edge edge = rendered();
    wanted_box moved = box("one", names{"a:1"});
    moved.ip = "10.0.0.9";
    moved.entry.address.port = 1234;
    moved.entry.weight = 50;
    settle(edge, {moved, box("two", names{})});
    for (const seen_server& server : edge.sight.servers) {
        if (server.name == "one") {
            EXPECT_EQ(server.address, "10.0.0.9");
            EXPECT_EQ(server.port, 1234);
            EXPECT_EQ(server.weight, 50U);
        }
    }
}

TEST(edge_sync, names_with_odd_bytes_are_no_commands) {
    fake_edge edge = rendered();
    const names odd{"x\ndel server boxes/one", "x;del server boxes/one", "x y",     "x\\n", "", "x\"",
                    std::string(300, 'x'),     std::string("x\0y", 3),   "\xc3\xa4"};
    settle(edge, {box("one", odd), box("two", names{"a:1"})});
    EXPECT_EQ(edge.in("boxes"), (std::set<std::string>{"one", "two"}));
    EXPECT_TRUE(edge.in("spare_1").empty());
}

TEST(edge_sync, a_box_with_too_many_models_is_cut_and_named) {
    names many;
    for (int i = 0; i < 5'000; ++i) {
        many.push_back("m" + std::to_string(i) + ":1");
    }
    fake_edge edge = rendered();
    const sync_plan plan = settle(edge, {box("one", many), box("two", names{})});
    ASSERT_EQ(plan.remarks.size(), 2U);
    EXPECT_NE(plan.remarks[0].find("more than 1024"), std::string::npos);
    EXPECT_NE(plan.remarks[1].find("no spare backend is left"), std::string::npos);
}

TEST(edge_sync, what_was_refused_is_not_repeated) {
    const fake_edge edge = rendered();
    sync_rules rules;
    rules.refused.insert("set server model_a:1/one state maint");
    const names told = texts(plan_sync({box("one", names{}), box("two", names{})}, {}, edge.sight, rules));
    EXPECT_EQ(told, names{"add acl #10000 a:1"});
}

TEST(edge_sync, settles_from_any_state_in_small_rounds) {
    std::mt19937 random(7);
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    const names models{"a:1", "b:1", "c:1", "d:1", "e:1"};
    const names boxes{"one", "two", "three", "four"};
    for (int walk = 0; walk < 300; ++walk) {
        fake_edge edge;
        edge.slot(first_slot, "model_a:1", {"a:1"});
        edge.slot(first_slot + 1, "model_b:1", {"b:1"});
        for (unsigned i = 1; i <= 3; ++i) {
            names held;
            if (chance(40)) {
                held.push_back(models[random() % models.size()]);
            }
            edge.slot(first_slot + 1 + i, "spare_" + std::to_string(i), held);
        }
        for (const std::string& model : models) {
            if (chance(20)) {
                edge.sight.gone.push_back(model);
            }
        }
        for (const char* const backend :
             {"boxes", "model_a:1", "model_b:1", "spare_1", "spare_2", "spare_3"}) {
            for (const std::string& name : boxes) {
                if (chance(50)) {
                    edge.server(backend, name, chance(40));
                    edge.sight.servers.back().check_idle = chance(20);
                    edge.sight.servers.back().agent_idle = chance(20);
                    edge.sight.servers.back().agent_on = !edge.sight.servers.back().agent_idle && chance(50);
                }
            }
        }
        for (int step = 0; step < 4; ++step) {
            std::vector<wanted_box> wanted;
            std::map<std::string, std::set<std::string>> expected;
            for (const std::string& name : boxes) {
                if (!chance(80)) {
                    continue;
                }
                names told;
                for (const std::string& model : models) {
                    if (chance(40)) {
                        told.push_back(model);
                        expected[model].insert(name);
                    }
                }
                wanted.push_back(box(name, told, chance(50)));
            }
            settle(edge, wanted, 1 + random() % 7);
            for (const std::string& model : models) {
                const auto wish = expected.find(model);
                EXPECT_EQ(edge.serving(model).value_or(std::set<std::string>{}),
                          wish == expected.end() ? std::set<std::string>{} : wish->second)
                    << model << " in walk " << walk;
            }
        }
    }
}

TEST(edge_sync, reads_what_haproxy_tells) {
    const auto slots = slots_in(
        "# "
        "pxname,svname,qcur,iid,sid,\nspare_1,BACKEND,0,10002,0,\nboxes,BACKEND,0,3,0,\nmodel_a:1,BACKEND,0,"
        "10001,0,\n"
        "model_x,one,0,10003,1,\nmodel_y,BACKEND,0,junk,0,\nshort\n\n");
    ASSERT_EQ(slots.size(), 2U);
    EXPECT_EQ(slots[0].backend, "model_a:1");
    EXPECT_EQ(slots[1].id, 10'002U);
    const auto servers = servers_in(
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
        "srv_check_state "
        "srv_agent_state srv_fqdn srv_port\n3 boxes 1 one 127.0.0.1 2 0 100 6 0 - 9991\n"
        "3 boxes 2 two 127.0.0.1 0 5 50 2 18 - 9992\n3 boxes 3 far 10.0.0.1 2 2 1 0 0 far.lan 80\n\n");
    ASSERT_EQ(servers.size(), 3U);
    EXPECT_FALSE(servers[0].maintenance || servers[0].check_idle || servers[0].agent_idle ||
                 servers[0].by_name);
    EXPECT_TRUE(servers[1].maintenance && servers[1].check_idle && servers[1].agent_idle &&
                !servers[1].agent_on);
    EXPECT_EQ(servers[1].port, 9992);
    EXPECT_EQ(servers[1].weight, 50U);
    EXPECT_TRUE(servers[2].by_name);
    EXPECT_FALSE(servers[2].maintenance) << "that of the server it tracks is another thing";
    EXPECT_EQ(*patterns_in("0x558240fb4340 qwen3:4b\n\n"), names{"qwen3:4b"});
    EXPECT_EQ(*patterns_in("\n"), names{});
    EXPECT_FALSE(patterns_in("Unknown ACL identifier. Please use #<id> or <file>.\n"));
    EXPECT_TRUE(is_done("\n") && is_done("Server deleted.\n") && is_done("New server registered.\n\n"));
    EXPECT_FALSE(is_done("No such server.\n"));
}

}  // namespace
}  // namespace corral::boxes
