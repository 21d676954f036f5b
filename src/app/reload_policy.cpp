#include "reload_policy.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

namespace corral::app {

namespace {

// Every field by name, so that one which a type gets one day can't be forgotten here: it does not compile
// then.
auto fields(const catalog::stop_step& of) {
    const auto& [signal, target, grace] = of;
    return std::tie(signal, target, grace);
}

auto fields(const catalog::exit_meaning& of) {
    const auto& [status, cause, advice] = of;
    return std::tie(status, cause, advice);
}

auto fields(const catalog::log_meaning& of) {
    const auto& [pattern, cause, advice, fatal_at_start] = of;
    return std::tie(pattern, cause, advice, fatal_at_start);
}

auto fields(const catalog::probe_template& of) {
    const auto& [method, target, status, timeout] = of;
    return std::tie(method, target, status, timeout);
}

auto fields(const catalog::service_limits& of) {
    const auto& [memory_mb, files, nice] = of;
    return std::tie(memory_mb, files, nice);
}

auto fields(const catalog::service_template& of) {
    const auto& [name, command, environment, working_directory, url, port, pty, guard, guard_library, limits,
                 probe, start_stall, start_limit, stop_loading, stop_ready, exits, lines] = of;
    return std::tie(name, command, environment, working_directory, url, port, pty, guard, guard_library,
                    limits, probe, start_stall, start_limit, stop_loading, stop_ready, exits, lines);
}

auto fields(const catalog::engine_clocks& of) {
    const auto& [call, reset, prefill_base, prefill_per_token, decode_stall, idle_grace, scrub] = of;
    return std::tie(call, reset, prefill_base, prefill_per_token, decode_stall, idle_grace, scrub);
}

auto fields(const catalog::restart_rule& of) {
    const auto& [first_backoff, max_backoff, intensity, intensity_window, healthy_after, breaker_retry] = of;
    return std::tie(first_backoff, max_backoff, intensity, intensity_window, healthy_after, breaker_retry);
}

auto fields(const catalog::variable_spec& of) {
    const auto& [name, about, fallback] = of;
    return std::tie(name, about, fallback);
}

auto fields(const catalog::profile& of) {
    const auto& [name, dialect, tokenizer_tap, variables, services, clocks, restart, poll_interval] = of;
    return std::tie(name, dialect, tokenizer_tap, variables, services, clocks, restart, poll_interval);
}

auto fields(const catalog::context_sizes& of) {
    const auto& [positions, prompt_limit, chunk, vocabulary] = of;
    return std::tie(positions, prompt_limit, chunk, vocabulary);
}

auto fields(const catalog::sampling_defaults& of) {
    const auto& [temperature, top_k, top_p, repeat_penalty] = of;
    return std::tie(temperature, top_k, top_p, repeat_penalty);
}

auto fields(const catalog::model_entry& of) {
    const auto& [name, runtime, package, variables, family, default_system, capabilities,
                 package_forbids_thinking, context, sampling, parameter_size, quantization, size_bytes,
                 digest, modified] = of;
    return std::tie(name, runtime, package, variables, family, default_system, capabilities,
                    package_forbids_thinking, context, sampling, parameter_size, quantization, size_bytes,
                    digest, modified);
}

template <typename T>
concept has_fields = requires(const T& of) {
    fields(of);
};

template <typename T>
bool equal(const T& a, const T& b);

template <typename T>
bool equal(const std::vector<T>& a, const std::vector<T>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const T& left, const T& right) { return equal(left, right); });
}

template <typename... Field>
bool equal(const std::tuple<const Field&...>& a, const std::tuple<const Field&...>& b) {
    return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        return (equal(std::get<Index>(a), std::get<Index>(b)) && ...);
    }
    (std::index_sequence_for<Field...>());
}

template <typename T>
bool equal(const T& a, const T& b) {
    if constexpr (has_fields<T>) {
        return equal(fields(a), fields(b));
    } else {
        return a == b;
    }
}

catalog::model_entry without_survey(catalog::model_entry of) {
    of.size_bytes = 0;
    of.digest.clear();
    of.modified = {};
    return of;
}

const catalog::model_entry* find_exactly(const configuration& in, const std::string& name) {
    const auto found = std::find_if(in.models.begin(), in.models.end(),
                                    [&](const catalog::model_entry& one) { return one.name == name; });
    return found == in.models.end() ? nullptr : &*found;
}

}  // namespace

bool same_setup(const catalog::model_entry& a, const catalog::model_entry& b) {
    return equal(without_survey(a), without_survey(b));
}

reload_plan plan_reload(const configuration& now, const configuration& wanted) {
    reload_plan out;
    for (const catalog::model_entry& model : now.models) {
        if (find_exactly(wanted, model.name) == nullptr) {
            out.removed.push_back(model.name);
        }
    }
    for (const catalog::model_entry& model : wanted.models) {
        const catalog::model_entry* const before = find_exactly(now, model.name);
        if (before == nullptr) {
            out.added.push_back(model.name);
        } else if (same_setup(*before, model)) {
            out.unchanged.push_back(model.name);
        } else {
            out.changed.push_back(model.name);
        }
    }
    const auto note = [&](bool differs, const char* key) {
        if (differs) {
            out.later.emplace_back(key);
        }
    };
    note(now.listen != wanted.listen, "listen");
    note(now.state_directory != wanted.state_directory, "state_directory");
    const bool named = now.admin_socket_named || wanted.admin_socket_named;
    note(named && now.admin_socket != wanted.admin_socket, "admin_socket");
    note(now.log_content != wanted.log_content, "log_content");
    note(now.tls.has_value() != wanted.tls.has_value(), "tls");
    return out;
}

configuration settings_after(const configuration& now, configuration wanted) {
    wanted.listen = now.listen;
    wanted.state_directory = now.state_directory;
    wanted.admin_socket = now.admin_socket;
    wanted.admin_socket_named = now.admin_socket_named;
    wanted.log_content = now.log_content;
    if (now.tls.has_value() != wanted.tls.has_value()) {
        wanted.tls = now.tls;
    }
    return wanted;
}

}  // namespace corral::app
