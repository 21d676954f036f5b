#pragma once
// A server that keeps models which clients make, in a folder of the test's own.

#include "api_fixture.hpp"
#include "catalog/temporary_folder.hpp"
#include "corral/api/variant_library.hpp"

namespace corral::test {

class variant_test : public api_test {
protected:
    static constexpr const char* base_digest =
        "359d7dd4bcdab3d86b87d73ac27966f4dbb9f5efdfcc75d34a8764a09474fae7";

    variant_test() {
        backend.entry.digest = base_digest;
        backend.entry.size_bytes = 1000;
        restart();
    }
    // The disk stays, all else begins again.
    void restart() {
        library.reset();
        store.reset();
        models = generation::model_directory({{&backend.entry, &backend}});
        auto opened = catalog::variant_store::open(folder.path() / "variants", limits);
        ASSERT_TRUE(opened) << opened.error().message;
        store = std::move(*opened);
        library = std::make_unique<api::variant_library>(models, *store, tasks);
        library->load();
        EXPECT_TRUE(run_until(io, [&] { return tasks.empty(); }));
        context.variants = library.get();
        handler = api::make_api(context);
    }
    // The error of a refused request, with its status before it.
    std::string refusal(const std::string& method, const std::string& path, const std::string& body) {
        const auto got = ask(method, path, body);
        const auto tree = nlohmann::json::parse(got->answer.body, nullptr, false);
        const bool has_error = tree.is_object() && tree.contains("error");
        return std::to_string(got->answer.status) + " " +
               (has_error ? tree["error"].get<std::string>() : got->answer.body);
    }
    nlohmann::ordered_json show(const std::string& name) {
        const auto got = ask("POST", "/api/show", R"({"model":")" + name + R"("})");
        EXPECT_EQ(got->answer.status, 200U) << got->answer.body;
        return nlohmann::ordered_json::parse(got->answer.body);
    }
    void create(const std::string& body) {
        const auto got = ask("POST", "/api/create", body);
        EXPECT_EQ(got->answer.status, 200U) << got->answer.body;
        EXPECT_NE(got->answer.body.find(R"({"status":"success"})"), std::string::npos) << got->answer.body;
    }
    std::string names() {
        std::string out;
        for (const auto& each : models.all()) {
            out += each->name + " ";
        }
        return out;
    }

    tests::temporary_folder folder;
    catalog::variant_store_limits limits;
    core::task_group tasks{io.get_executor(), [](const std::string&, const std::string& what) {
                               ADD_FAILURE() << "a task ended by an exception: " << what;
                           }};
    std::unique_ptr<catalog::variant_store> store;
    std::unique_ptr<api::variant_library> library;
};

}  // namespace corral::test
