// What an operator does with models: the verbs and commands of the command line.

#include <initializer_list>
#include <optional>
#include <utility>

#include "api/box/routes.hpp"
#include "api/models/package_pull.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::api::box {

namespace {

constexpr unsigned bad_request = 400;
constexpr unsigned conflict = 409;
constexpr std::size_t longest_text = 4096;  // of a name or a folder

// A text that a command takes as one word and as no option; empty: it is none.
std::string word_at(const desk_json& body, const char* key) {
    std::string out = core::text_at(body, key);
    const bool fits =
        out.size() <= longest_text && out.find('\0') == std::string::npos && !out.starts_with('-');
    return fits ? out : std::string();
}

std::vector<std::string> pin_of(const std::string& model) {
    return {"pin", model, "--json"};
}

std::vector<std::string> unpin_of(const std::string& model) {
    return {"unpin", model, "--json"};
}

std::vector<std::string> removal_of(const std::string& model) {
    return {"rm", model, "--yes", "--json"};
}

std::vector<std::string> import_of(const std::string& folder, const std::string& name, bool dry_run) {
    std::vector<std::string> out{"import", folder, "--json"};
    if (!name.empty()) {
        out.insert(out.end(), {"--name", name});
    }
    if (dry_run) {
        out.emplace_back("--dry-run");
    }
    return out;
}

// The model that a body names; empty, and the refusal is sent, when it names none.
core::awaitable<std::string> model_of(const http::request& incoming, http::response_writer& out) {
    const desk_json body = co_await body_of(incoming, out);
    if (body.is_null()) {
        co_return std::string();
    }
    std::string model = word_at(body, "model");
    if (model.empty()) {
        http::response refused = refusal(bad_request, core::say("page.request/model"));
        co_await send(std::move(refused), out);
    }
    co_return model;
}

// With all that the daemon says of it.
core::awaitable<void> ask_verb(const api_context& context, desk_json verb, http::response_writer& out) {
    constexpr unsigned good = 200;
    constexpr unsigned not_found = 404;
    auto asking = context.desk->ask(std::move(verb));
    desk_json answer = co_await std::move(asking);
    const unsigned status = core::flag_at(answer, "ok")        ? good
                            : core::flag_at(answer, "unknown") ? not_found
                                                               : conflict;
    if (status != good) {
        answer.erase("ok");
        answer.erase("unknown");
    }
    co_await send(std::move(answer), out, status);
}

// Takes over what is for the daemon to judge.
void take_members(desk_json& verb, const desk_json& body, std::initializer_list<const char*> keys) {
    for (const char* const key : keys) {
        if (const desk_json* const found = core::member(body, key)) {
            verb[key] = *found;
        }
    }
}

// Without `wait_seconds` it is seen by its events, not waited for: a load takes minutes.
core::awaitable<void> run_verb(const api_context& context, const char* verb, http::request& incoming,
                               http::response_writer& out) {
    const desk_json body = co_await body_of(incoming, out);
    if (body.is_null()) {
        co_return;
    }
    desk_json asked;
    asked["verb"] = verb;
    if (!core::flag_at(body, "all")) {
        std::string model = word_at(body, "model");
        if (model.empty()) {
            http::response refused = refusal(bad_request, core::say("page.request/all"));
            co_await send(std::move(refused), out);
            co_return;
        }
        asked["target"] = std::move(model);
    }
    take_members(asked, body, {"wait_seconds", "now"});
    if (core::flag_at(body, "while_asker_runs")) {
        asked["asker_at"] = incoming.socket;
    }
    co_await ask_verb(context, std::move(asked), out);
}

// Of the box as a whole.
core::awaitable<void> run_box_verb(const api_context& context, const char* verb, http::request& incoming,
                                   http::response_writer& out) {
    const desk_json body = co_await body_of(incoming, out);
    if (body.is_null()) {
        co_return;
    }
    desk_json asked;
    asked["verb"] = verb;
    take_members(asked, body, {"wait_seconds", "allow_empty", "program"});
    co_await ask_verb(context, std::move(asked), out);
}

using verb_runner = core::awaitable<void> (*)(const api_context&, const char*, http::request&,
                                              http::response_writer&);

box_handler verb_of(const char* verb, verb_runner run = run_verb) {
    return [verb, run](const api_context& context, http::request& incoming, http::response_writer& out) {
        return run(context, verb, incoming, out);
    };
}

using words_of_model = std::vector<std::string> (*)(const std::string& model);

core::awaitable<void> run_command(const api_context& context, words_of_model words, http::request& incoming,
                                  http::response_writer& out) {
    auto naming = model_of(incoming, out);
    const std::string model = co_await std::move(naming);
    if (model.empty()) {
        co_return;
    }
    auto running = context.desk->run(words(model), {}, incoming.client);
    core::result<desk_answer> printed = co_await std::move(running);
    co_await answer_command(std::move(printed), conflict, out);
}

box_handler command_of(words_of_model words) {
    return [words](const api_context& context, http::request& incoming, http::response_writer& out) {
        return run_command(context, words, incoming, out);
    };
}

// With the files that a pull brought, where that is said: then it goes on when its asker leaves.
core::awaitable<void> remove_model(const api_context& context, http::request& incoming,
                                   http::response_writer& out) {
    const desk_json body = co_await body_of(incoming, out);
    if (body.is_null()) {
        co_return;
    }
    const std::string model = word_at(body, "model");
    if (model.empty()) {
        http::response refused = refusal(bad_request, core::say("page.request/model"));
        co_await send(std::move(refused), out);
        co_return;
    }
    if (core::flag_at(body, "files")) {
        auto removing = context.own_packages->remove(model);
        const core::result<void> gone = co_await std::move(removing);
        if (!gone) {
            co_await send(refusal_of(gone.error()), out);
            co_return;
        }
        desk_json answer;
        answer["ok"] = true;
        answer["model"] = model;
        co_await send(std::move(answer), out);
        co_return;
    }
    auto running = context.desk->run(removal_of(model), {}, incoming.client);
    core::result<desk_answer> printed = co_await std::move(running);
    co_await answer_command(std::move(printed), conflict, out);
}

// Lines of progress, as /api/pull has them, until it is served. Who hangs up stops it; what has come stays for the next
// time.
core::awaitable<void> pull_model(const api_context& context, http::request& incoming,
                                 http::response_writer& out) {
    auto naming = model_of(incoming, out);
    const std::string typed = co_await std::move(naming);
    if (typed.empty()) {
        co_return;
    }
    std::optional<std::string> name = pulled_name(typed);
    if (!name) {
        http::response refused =
            refusal(bad_request, core::say("page.request/pull"), core::say("page.request/do-pull"));
        co_await send(std::move(refused), out);
        co_return;
    }
    if (!incoming.may_operate && !may_bring(context, *name)) {
        http::response refused =
            refusal(conflict, core::say("page.request/owner"), core::say("page.request/do-owner"));
        co_await send(std::move(refused), out);
        co_return;
    }
    auto beginning = context.own_packages->pull(*std::move(name), incoming.client);
    auto watch = co_await std::move(beginning);
    if (!watch) {
        co_await send(refusal_of(watch.error()), out);
        co_return;
    }
    auto streaming = stream_pull(**watch, out);
    const std::optional<core::failure> why = co_await std::move(streaming);
    if (why) {
        co_await send(refusal_of(*why), out);
    }
}

// A folder of the box, read by the box; what is found is reported, and the manifest written unless `dry_run`.
core::awaitable<void> import_folder(const api_context& context, http::request& incoming,
                                    http::response_writer& out) {
    const desk_json body = co_await body_of(incoming, out);
    if (body.is_null()) {
        co_return;
    }
    const std::string folder = word_at(body, "folder");
    const bool named = core::member(body, "name") != nullptr && !(*core::member(body, "name")).is_null();
    const std::string name = word_at(body, "name");
    if (!folder.starts_with('/') || (named && name.empty())) {
        http::response refused =
            refusal(bad_request, folder.starts_with('/') ? core::say("page.request/name")
                                                         : core::say("page.request/folder"));
        co_await send(std::move(refused), out);
        co_return;
    }
    auto running =
        context.desk->run(import_of(folder, name, core::flag_at(body, "dry_run")), {}, incoming.client);
    core::result<desk_answer> printed = co_await std::move(running);
    co_await answer_command(std::move(printed), conflict, out);
}

}  // namespace

void add_model_routes(http::router& routes, const api_context& context) {
    routes.add("POST", "/corral/v1/models/load", guarded(context, right::operate, verb_of("start")));
    routes.add("POST", "/corral/v1/models/unload", guarded(context, right::operate, verb_of("stop")));
    routes.add("POST", "/corral/v1/models/restart", guarded(context, right::operate, verb_of("restart")));
    routes.add("POST", "/corral/v1/drain", guarded(context, right::operate, verb_of("drain", run_box_verb)));
    routes.add("POST", "/corral/v1/undrain",
               guarded(context, right::operate, verb_of("undrain", run_box_verb)));
    routes.add("POST", "/corral/v1/reload",
               guarded(context, right::operate, verb_of("reload", run_box_verb)));
    // A program to go on as, and a link that lets in: for the command line alone.
    routes.add("POST", "/corral/v1/upgrade",
               guarded(context, right::command_line, verb_of("upgrade", run_box_verb)));
    routes.add("POST", "/corral/v1/page-link",
               guarded(context, right::command_line, verb_of("ui", run_box_verb)));
    routes.add("POST", "/corral/v1/models/pin", guarded(context, right::operate, command_of(pin_of)));
    routes.add("POST", "/corral/v1/models/unpin", guarded(context, right::operate, command_of(unpin_of)));
    routes.add("POST", "/corral/v1/models/remove", guarded(context, right::operate, remove_model));
    routes.add("POST", "/corral/v1/models/pull", guarded(context, right::pull, pull_model));
    routes.add("POST", "/corral/v1/models/import", guarded(context, right::operate, import_folder));
}

}  // namespace corral::api::box
