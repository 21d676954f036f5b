#include "runtime/tokenizer_client.hpp"

#include <arpa/inet.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "process_end.hpp"
#include "runtime/vendor_log.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr int tries = 10;

bool can_connect(const std::string& host, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return false;
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return false;
    const bool connected = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    return connected;
}

// The original's JSON library has a text of its own for an empty body.
std::string problem_text(const std::string& body, const json::exception& problem) {
    if (!body.empty()) return problem.what();
    return "[json.exception.parse_error.101] parse error at line 1, column 1: attempting to parse an empty "
           "input; check "
           "that your input string or char* contains the expected JSON";
}

token_ids ids_of(const json& value) {
    return value.get<token_ids>();
}

}  // namespace

std::optional<tokenizer_answer> tokenizer_client::call(const char* method, const std::string& path,
                                                       const std::string& body) const {
    httplib::Client http(host_, port_);
    http.set_connection_timeout(10);
    http.set_read_timeout(10);
    http.set_write_timeout(10);
    http.set_keep_alive(false);
    // The library version that the original was built with.
    http.set_default_headers({{"User-Agent", "cpp-httplib/0.15.3"}});
    auto result = std::string(method) == "GET" ? http.Get(path) : http.Post(path, body, "application/json");
    if (!result) return std::nullopt;
    return tokenizer_answer{result->status, result->body};
}

tokenizer_answer tokenizer_client::call_or_die(const std::string& path, const std::string& body) const {
    auto answer = call("POST", path, body);
    if (!answer) die_by_signal(SIGSEGV);  // the original dereferences an empty optional
    return *answer;
}

bool tokenizer_client::probe() {
    if (url_.starts_with("https://"))
        die_uncaught("std::invalid_argument", "'https' scheme is not supported.");
    if (!url_.empty() && url_.back() == '/') die_by_signal(SIGSEGV);
    const auto scheme = url_.find("://");
    const auto colon = scheme == std::string::npos ? scheme : url_.find(':', scheme + 3);
    if (colon == std::string::npos) {
        log_line(log_level::error, "Init", 29, "connect %s failed", url_.c_str());
        return false;
    }
    host_ = url_.substr(scheme + 3, colon - scheme - 3);
    if (host_ == "localhost") host_ = "127.0.0.1";
    port_ = std::atoi(url_.c_str() + colon + 1);
    for (int left = tries - 1; left >= 0; --left) {
        if (can_connect(host_, port_)) {
            log_line(log_level::info, "Init", 34, "connect %s ok", url_.c_str());
            return true;
        }
        char text[64];
        std::snprintf(text, sizeof text, ", try again in %2d/%2d ", left, tries);
        log_bare_red("connect failed " + url_ + text);
        std::this_thread::sleep_for(1s);
    }
    log_line(log_level::error, "Init", 29, "connect %s failed", url_.c_str());
    return false;
}

// `line` is that of the status message; the retry message follows 13 lines later in the original.
bool tokenizer_client::fetch(const std::string& path, int line, const char* what,
                             const std::function<void(const json&)>& accept) {
    for (int left = tries - 1; left >= 0; --left) {
        const auto answer = call("GET", path, "");
        if (!answer) die_by_signal(SIGSEGV);
        if (answer->status != 200) {
            log_line(log_level::error, "Init", line, "get %s failed, status: %d", what, answer->status);
            return false;
        }
        try {
            accept(json::parse(answer->body));
            return true;
        } catch (const json::exception& problem) {
            std::fprintf(stderr, "%s\n", problem_text(answer->body, problem).c_str());
        }
        const int retry_line = line == 52 ? 65 : line == 77 ? 89 : 113;
        log_line(log_level::error, "Init", retry_line, "get %s failed, try again %d/%d", what, left, tries);
        std::this_thread::sleep_for(1s);
    }
    return true;  // the original goes on with what it has
}

bool tokenizer_client::init() {
    if (!probe()) return false;
    const auto take = [](const char* key, auto& field) {
        return [key, &field](const json& answer) {
            (answer.is_object() && answer.contains(key) ? answer.at(key) : json()).get_to(field);
        };
    };
    if (!fetch("/get_uid", 52, "uid", take("uid", uid_))) return false;
    log_line(log_level::info, "Init", 57, "uid: %s", uid_.c_str());
    if (!fetch("/bos_id?uid=" + uid_, 77, "bos_id", take("bos_id", bos_id_))) return false;
    if (!fetch("/eos_id?uid=" + uid_, 101, "eos_id", take("eos_id", eos_id_))) return false;
    std::printf("bos_id: %d, eos_id: %d\n", bos_id_, eos_id_);
    return true;
}

std::optional<token_ids> tokenizer_client::reset(const std::string& system_prompt) {
    json body{{"uid", uid_}};
    if (!system_prompt.empty()) body["system_prompt"] = system_prompt;
    const auto answer = call_or_die("/reset", body.dump(-1, ' ', false, json::error_handler_t::replace));
    if (answer.status != 200) {
        log_line(log_level::error, "Reset", 134, "reset failed, status: %d", answer.status);
        return std::nullopt;
    }
    try {
        const auto parsed = json::parse(answer.body);
        return ids_of(parsed.is_object() && parsed.contains("token_ids") ? parsed["token_ids"] : json());
    } catch (const json::parse_error& problem) {
        die_uncaught("nlohmann::json_abi_v3_11_3::detail::parse_error", problem_text(answer.body, problem));
    } catch (const json::type_error& problem) {
        die_uncaught("nlohmann::json_abi_v3_11_3::detail::type_error", problem.what());
    }
}

encode_result tokenizer_client::failed_encode(int status) const {
    log_line(log_level::error, "Encode", 158, "encode failed, status: %d", status);
    log_line(log_level::error, "Encode", 820, "encode failed");
    return {};
}

encode_result tokenizer_client::encode(const std::string& text, const std::string& last_reply) {
    json body{{"img_prompt", false}, {"text", text}, {"uid", uid_}};
    if (!last_reply.empty()) body["last_reply"] = last_reply;
    const auto answer = call_or_die("/encode", body.dump(-1, ' ', false, json::error_handler_t::replace));
    if (answer.status != 200) return failed_encode(answer.status);
    json parsed;
    try {
        parsed = json::parse(answer.body);
    } catch (const json::exception& problem) {
        log_line(log_level::error, "Encode", 168, "json parse failed: %s",
                 problem_text(answer.body, problem).c_str());
        log_line(log_level::error, "Encode", 169, "%s", answer.body.c_str());
        log_line(log_level::error, "Encode", 820, "encode failed");
        return {};
    }
    try {
        const auto member = [&parsed](const char* name) {
            return ids_of(parsed.is_object() && parsed.contains(name) ? parsed[name] : json());
        };
        (void)member("token_ids");  // of no use to it, and the end of it where they lack
        return {true, member("diff")};
    } catch (const json::type_error& problem) {
        die_uncaught("nlohmann::json_abi_v3_11_3::detail::type_error", problem.what());
    }
}

std::string tokenizer_client::failed_decode(int status, const std::string& body) const {
    for (int i = 0; i < 2; ++i) {
        log_line(log_level::error, "Decode", 195, "decode failed, status: %d, try again", status);
        log_line(log_level::error, "Decode", 196, "%s", body.c_str());
        std::this_thread::sleep_for(1s);
    }
    return {};
}

std::string tokenizer_client::decode(const token_ids& ids) {
    const auto body = json{{"token_ids", ids}, {"uid", uid_}}.dump();
    for (int i = 0; i < 2; ++i) {
        const auto answer = call_or_die("/decode", body);
        if (answer.status != 200) {
            log_line(log_level::error, "Decode", 195, "decode failed, status: %d, try again", answer.status);
            log_line(log_level::error, "Decode", 196, "%s", answer.body.c_str());
        } else {
            try {
                const auto parsed = json::parse(answer.body);
                return (parsed.is_object() && parsed.contains("text") ? parsed["text"] : json())
                    .get<std::string>();
            } catch (const json::exception& problem) {
                log_line(log_level::error, "Decode", 208, "json parse failed: %s, try again",
                         problem_text(answer.body, problem).c_str());
                log_line(log_level::error, "Decode", 209, "%s", answer.body.c_str());
            }
        }
        std::this_thread::sleep_for(1s);
    }
    return {};
}

}  // namespace corral::sim
