#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "boxes/host_name.hpp"
#include "corral/boxes/discovery.hpp"
#include "corral/core/text.hpp"

namespace corral::boxes {

namespace {

constexpr std::uint16_t usual_port = 11434;
constexpr unsigned most_weight = 256;
constexpr std::size_t longest_name = 64;

std::string host_and_port(const std::string& host, std::uint16_t port) {
    return core::lower_case(host) + ":" + std::to_string(port);
}

std::string name_of(const found_host& found) {
    return found.port == usual_port ? found.host : found.host + "-" + std::to_string(found.port);
}

// All equal weights say nothing.
bool tell_weights(const found_hosts& found) {
    return std::ranges::any_of(found,
                               [&](const found_host& one) { return one.weight != found.front().weight; });
}

core::server_url address_of(const found_host& found, const box_entry& as) {
    core::server_url out;
    out.tls = as.address.tls;
    // With TLS the name is what the certificate is held against.
    out.host = found.address.empty() || out.tls ? found.host : found.address;
    out.port = found.port;
    return out;
}

}  // namespace

std::string host_name(std::string_view text) {
    if (text.ends_with('.')) {
        text.remove_suffix(1);
    }
    const bool plain = !text.empty() && text.front() != '-' && std::ranges::all_of(text, [](char c) {
        return core::is_letter(c) || core::is_digit(c) || c == '.' || c == '-' || c == '_';
    });
    return plain ? core::lower_case(text) : std::string();
}

joined_boxes join_boxes(const std::vector<box_entry>& listed, const discovery& how,
                        const found_hosts& found) {
    joined_boxes out{listed, {}};
    std::set<std::string> addresses;
    std::set<std::string> names;
    for (const box_entry& box : listed) {
        addresses.insert(host_and_port(box.address.host, *box.address.port));
        names.insert(core::lower_case(box.name));
    }
    const bool weights = tell_weights(found);
    for (const found_host& one : found) {
        const std::string name = name_of(one);
        const bool known = addresses.contains(host_and_port(one.host, one.port)) ||
                           (!one.address.empty() && addresses.contains(host_and_port(one.address, one.port)));
        if (known || names.contains(name)) {
            continue;  // as the list has it, or an earlier record
        }
        if (name.size() > longest_name) {
            out.remarks.push_back("the found host " + name + " has a name of more than " +
                                  std::to_string(longest_name) + " characters; list it as a [[box]]");
            continue;
        }
        if (out.boxes.size() == most_boxes) {
            out.remarks.push_back("there are more than " + std::to_string(most_boxes) +
                                  " boxes; give them several edges, with a file each");
            break;
        }
        box_entry box = how.as;
        box.name = name;
        box.address = address_of(one, how.as);
        box.reserve = one.priority != found.front().priority;
        if (weights) {
            box.weight = std::clamp<unsigned>(one.weight, 1, most_weight);
        }
        names.insert(name);
        addresses.insert({host_and_port(one.host, one.port),
                          host_and_port(one.address.empty() ? one.host : one.address, one.port)});
        out.boxes.push_back(std::move(box));
    }
    return out;
}

void found_memory::take(const core::result<found_hosts>& answer, core::steady_time now) {
    if (!answer) {
        return;  // it says nothing, about an end of the records either
    }
    empty_since_ = answer->empty() ? empty_since_.value_or(now) : std::optional<core::steady_time>();
    if (!last_ && answer->empty() && now - *empty_since_ < patience_) {
        return;
    }
    for (const found_host& one : *answer) {
        seen_[{one.host, one.port}] = {one, now};
    }
    const core::milliseconds kept = answer->empty() || each_ ? patience_ : core::milliseconds{0};
    std::erase_if(seen_, [&](const auto& one) {
        return one.second.second != now &&
               now - (answer->empty() && !each_ ? *empty_since_ : one.second.second) >= kept;
    });
    last_.emplace();
    for (const auto& [place, one] : seen_) {
        last_->push_back(one.first);
    }
    std::ranges::sort(*last_, {},
                      [](const found_host& one) { return std::tie(one.priority, one.host, one.port); });
}

}  // namespace corral::boxes
