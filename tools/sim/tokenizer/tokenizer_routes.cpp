#include "tokenizer/tokenizer_routes.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <thread>

#include "process_end.hpp"
#include "runtime/run_journal.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr std::size_t most_requests = 4096;
constexpr const char* invalid_uid = R"({"error": "Invalid uid"})";

// As Python's json.dumps prints it: a space after colons and commas, everything beyond ASCII escaped.
std::string python_string(const std::string& text) {
    return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

std::string python_list(const token_ids& ids) {
    std::string out = "[";
    for (std::size_t i = 0; i < ids.size(); ++i) out += (i == 0 ? "" : ", ") + std::to_string(ids[i]);
    return out + "]";
}

bool has(const std::string& path, const char* route) {
    return path.find(route) != std::string::npos;
}

std::string query_uid(const std::string& path) {
    const auto at = path.find("uid=", path.find('?') == std::string::npos ? path.size() : path.find('?'));
    if (at == std::string::npos) return {};
    return path.substr(at + 4, path.find('&', at) - at - 4);
}

void pause_ms(int ms) {
    if (ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

}  // namespace

std::string tokenizer_routes::new_uid() {
    std::random_device source;
    std::array<unsigned, 4> words{source(), source(), source(), source()};
    words[1] = (words[1] & 0xFFFF0FFFu) | 0x4000u;
    words[2] = (words[2] & 0x3FFFFFFFu) | 0x80000000u;
    char text[40];
    std::snprintf(text, sizeof text, "%08x-%04x-%04x-%04x-%04x%08x", words[0], words[1] >> 16,
                  words[1] & 0xFFFFu, words[2] >> 16, words[2] & 0xFFFFu, words[3]);
    return text;
}

void tokenizer_routes::remember(const python_request& request) {
    const std::lock_guard lock(mutex_);
    seen_.push_back({++last_seq_, monotonic_ns(), request.path, request.body});
    if (seen_.size() > most_requests) seen_.pop_front();
}

void tokenizer_routes::meet_end_faults(const std::string& path) {
    for (const char* route : {"get_uid", "encode", "decode", "reset"}) {
        if (!has(path, route)) continue;
        int calls = 0;
        {
            const std::lock_guard lock(mutex_);
            calls = calls_[route]++;
        }
        obey_end_faults(faults_, route, calls);
        return;
    }
}

void tokenizer_routes::print(conversation& object) {
    const auto text = object.take_printed();
    if (settings_.snapshot().tokenizer.print_prompts) std::fputs(text.c_str(), stdout);
}

std::string tokenizer_routes::get(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (has(path, "/get_uid")) {
        const auto uid = new_uid();
        auto [at, fresh] = objects_.emplace(uid, conversation(settings_.snapshot().tokenizer));
        print(at->second);
        return R"({"uid": ")" + uid + "\"}";
    }
    const bool bos = has(path, "/bos_id");
    if (!bos && !has(path, "/eos_id")) return R"({"error": "Invalid GET endpoint"})";
    if (!objects_.contains(query_uid(path))) return invalid_uid;
    return bos ? std::string(R"({"bos_id": -1})") : R"({"eos_id": )" + std::to_string(id_im_end) + "}";
}

std::string tokenizer_routes::user_text(const json& body) {
    auto text = body.at("text").get<std::string>();
    if (const auto fault = faults_.fire("changed_wrapper")) {
        const auto added = fault->value("text", std::string());
        text += added.empty() ? std::to_string(++changed_turns_) : added;
    }
    return text;
}

void tokenizer_routes::add_foreign_id(token_ids& ids, const std::string& path) {
    if (faults_.fire("foreign_id", path)) ids.push_back(vocabulary_rows);
}

std::string tokenizer_routes::post(const std::string& path, const json& body) {
    const std::lock_guard lock(mutex_);
    const bool encode = has(path, "/encode");
    const bool decode = !encode && has(path, "/decode");
    if (!encode && !decode && !has(path, "/reset")) return R"({"error": "Invalid POST endpoint"})";
    const auto at = objects_.find(body.value("uid", std::string()));
    if (at == objects_.end()) return invalid_uid;
    auto& object = at->second;
    std::string answer;
    if (encode) {
        auto turn = object.encode(user_text(body), body.value("last_reply", std::string()));
        add_foreign_id(turn.diff, path);
        answer = R"({"token_ids": )" + python_list(turn.all) + R"(, "diff": )" + python_list(turn.diff) + "}";
    } else if (decode) {
        answer = R"({"text": )" + python_string(object.decode(body.at("token_ids").get<token_ids>())) + "}";
    } else {
        auto ids = object.reset(body.value("system_prompt", std::string()));
        add_foreign_id(ids, path);
        answer = R"({"token_ids": )" + python_list(ids) + "}";
    }
    print(object);
    return answer;
}

std::optional<python_body> tokenizer_routes::handle(const python_request& request) {
    remember(request);
    meet_end_faults(request.path);
    json body;
    if (request.method == "POST") {
        body = json::parse(request.body, nullptr, false);
        if (body.is_discarded()) {  // raised before the status line was written
            std::fputs("json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n", stderr);
            return std::nullopt;
        }
    }
    return [this, request, body]() -> std::string {
        const auto options = settings_.snapshot().tokenizer;
        if (has(request.path, "/get_uid")) pause_ms(options.uid_ms);
        if (has(request.path, "/encode")) pause_ms(options.encode_ms);
        if (has(request.path, "/decode")) pause_ms(options.decode_ms);
        try {
            return request.method == "GET" ? get(request.path) : post(request.path, body);
        } catch (const std::exception& problem) {
            std::fprintf(stderr, "Traceback (most recent call last):\n%s\n", problem.what());
            return {};
        }
    };
}

void tokenizer_routes::forget_uids() {
    const std::lock_guard lock(mutex_);
    objects_.clear();
}

void tokenizer_routes::mute_all() {
    const std::lock_guard lock(mutex_);
    for (auto& [uid, object] : objects_) object.mute();
}

json tokenizer_routes::state() const {
    const std::lock_guard lock(mutex_);
    std::size_t cached = 0;
    for (const auto& [uid, object] : objects_) cached = std::max(cached, object.cached_ids());
    return {{"uids", objects_.size()}, {"requests", last_seq_}, {"cached_ids", cached}};
}

json tokenizer_routes::requests_since(std::int64_t seq) const {
    const std::lock_guard lock(mutex_);
    auto out = json::array();
    for (const auto& r : seen_)
        if (r.seq > seq) out.push_back({{"seq", r.seq}, {"ns", r.ns}, {"route", r.route}, {"body", r.body}});
    return out;
}

}  // namespace corral::sim
