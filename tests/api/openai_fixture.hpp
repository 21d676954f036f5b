#pragma once
// What the tests of the OpenAI format have in common.

#include "api_fixture.hpp"

namespace corral::test {

class openai_test : public api_test {
protected:
    void say(std::vector<std::string> pieces, engine::run_end end = engine::run_end::stop) {
        backend.otherwise.pieces = std::move(pieces);
        backend.otherwise.end = end;
    }
    void die(std::vector<std::string> after) {
        say(std::move(after), engine::run_end::failed);
        engine::run_failure died;
        died.message = core::reason::unlisted("the runtime died");
        backend.otherwise.failure = died;
    }
    void can(std::vector<std::string> capabilities, std::string family) {
        backend.entry.capabilities = std::move(capabilities);
        backend.entry.family = std::move(family);
    }
    // Signs of life after a moment of silence.
    void be_impatient() {
        context.silence = core::milliseconds{5};
        context.first_byte = context.silence;
        build();
    }
    // What differs from run to run made the same.
    static std::string normal(std::string text) {
        text = std::regex_replace(text, std::regex("(chatcmpl|cmpl|resp|msg)([-_])[0-9]+"), "$1$2N");
        text = std::regex_replace(text, std::regex("\"call_[a-z0-9]{8}\""), "\"call_X\"");
        return std::regex_replace(text, std::regex(R"re("(created|created_at|completed_at)":[0-9]+)re"),
                                  R"("$1":1)");
    }
    static std::string envelope(const std::string& type, const std::string& message) {
        std::string quoted = nlohmann::json(message).dump();
        for (const auto& [plain, escaped] : std::vector<std::pair<std::string, std::string>>{
                 {"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}}) {
            for (auto at = quoted.find(plain); at != std::string::npos; at = quoted.find(plain)) {
                quoted.replace(at, 1, escaped);
            }
        }
        return R"({"error":{"message":)" + quoted + R"(,"type":")" + type + R"(","param":null,"code":null}})";
    }
    // A refusal, whole: "400 application/json {…}\n".
    std::string refusal(const std::string& path, const std::string& body) {
        const auto got = ask("POST", path, body);
        return std::to_string(got->answer.status) + " " + got->answer.content_type + " " + got->answer.body;
    }
    // By the validation of the request.
    static std::string rejected(const std::string& message) {
        return "400 application/json; charset=utf-8 " + envelope("invalid_request_error", message);
    }
    // By the handler.
    static std::string refused(unsigned status, const std::string& message) {
        std::string type = status == 404 ? "not_found_error" : "api_error";
        type = status == 400 ? "invalid_request_error" : type;
        return std::to_string(status) + " application/json " + envelope(type, message) + "\n";
    }
};

}  // namespace corral::test
