#include "cli/fleet/fleet_command.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace corral::cli {

namespace {

using control::admin_json;
using answers = std::vector<core::result<admin_json>>;

// Takes one box after the other; several of these share `next`.
core::awaitable<void> ask_in_turn(const std::vector<core::result<found_box>>& all, std::size_t& next,
                                  answers& into) {
    while (next < all.size()) {
        const std::size_t at = next++;
        if (!all[at]) {
            into[at] = all[at].error();
            continue;
        }
        found_box of = *all[at];
        into[at] = co_await ask_box(std::move(of), "status", {});
    }
}

}  // namespace

std::optional<boxes::boxes_file> boxes_of(const std::string& file) {
    boxes::boxes_reading read = boxes::read_boxes_file(file);
    if (!read.value) {
        std::vector<std::string> mistakes;
        std::ranges::transform(read.errors, std::back_inserter(mistakes), catalog::to_text);
        const std::string last = mistakes.back();
        mistakes.pop_back();
        (void)fail(last, bad_configuration, mistakes);
    }
    return std::move(read.value);
}

void add_fleet_command(CLI::App& program, command_context& context) {
    CLI::App* fleet = program.add_subcommand("fleet", "Run many boxes behind one address");
    fleet->require_subcommand(1);
    add_fleet_render(*fleet, context);
    add_fleet_status(*fleet, context);
}

std::string place_of(const boxes::box_entry& box) {
    return box.address.host_text() + ":" + std::to_string(box.address.port.value_or(0));
}

std::string url_of(const boxes::box_entry& box) {
    return (box.address.tls ? "https://" : "http://") + place_of(box);
}

std::vector<core::result<found_box>> find_boxes(const std::vector<boxes::box_entry>& all, bool announced,
                                                core::seconds limit) {
    constexpr std::size_t most_at_once = 16;
    std::vector<core::result<found_box>> out(all.size(), found_box{});
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < all.size(); i = next++) {
            const remote_box at{url_of(all[i]), all[i].key_file.string(), all[i].ca_file.string(), limit};
            out[i] = find_box(at, {});
            if (out[i] && announced) {
                out[i]->at.preface = own_connection;
            }
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(most_at_once, all.size()); ++i) {
        threads.emplace_back(work);
    }
    threads.clear();  // joins them
    return out;
}

answers ask_boxes(const std::vector<core::result<found_box>>& all) {
    constexpr std::size_t most_at_once = 64;
    answers out(all.size(), admin_json());
    boost::asio::io_context loop;
    std::exception_ptr thrown;
    std::size_t next = 0;
    for (std::size_t i = 0; i < std::min(most_at_once, all.size()); ++i) {
        core::asio::co_spawn(loop, ask_in_turn(all, next, out), [&](const std::exception_ptr& error) {
            if (error) {
                thrown = error;
            }
        });
    }
    loop.run();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    return out;
}

}  // namespace corral::cli
