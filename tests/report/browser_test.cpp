#include <catch2/catch_test_macros.hpp>
#include <infoplane/report/report.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "needs.hpp"
#include "report/command.hpp"
#include "report/made_run.hpp"
#include "report/markup.hpp"

using infoplane::report::html_report;
using samples::made_run;

namespace {

// Opens the report in a wide and in a phone's frame, acts as a reader would, and writes down what is seen.
constexpr const char* kReader = R"html(<!DOCTYPE html><meta charset="utf-8"><body><script>
const report = REPORT;
const seen = {errors: []};
const open = width => new Promise(done => {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  frame.srcdoc = report.replace("<head>", "<head><script>onerror = text => parent.seen.errors.push(text)<" + "/script>");
  frame.onload = () => done(frame.contentWindow);
  document.body.append(frame);
});
window.seen = seen;
const shown = element => element.getClientRects().length > 0;
(async () => {
  const wide = await open(1280), page = wide.document;
  const all = what => [...page.querySelectorAll(what)];
  const point = (target, x, y) => target.dispatchEvent(
    new wide.PointerEvent("pointermove", {bubbles: true, clientX: x, clientY: y}));
  const middle = e => { const box = e.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
  const tip = page.getElementById("tip");
  seen.lead = page.querySelector(".lead").textContent;
  seen.planes = all("svg[data-kind=plane]").filter(shown).length;
  seen.panels = all("svg[data-kind=panel]").filter(shown).length;
  seen.maps = all("svg[data-kind=map]").filter(shown).length;
  const spot = page.querySelector("circle[data-t^='blocks.0, step 500']");
  point(spot, ...middle(spot));
  seen.plane_tip = tip.textContent;
  const panel = all("svg[data-kind=panel]")[1];
  point(panel, ...middle(panel));
  seen.panel_tip = tip.textContent;
  seen.cursors = all(".cur").filter(c => c.getAttribute("d")).length;
  panel.dispatchEvent(new wide.PointerEvent("pointerleave"));
  seen.hidden_again = tip.hidden && !all(".cur").some(c => c.getAttribute("d"));
  const map = all("svg[data-kind=map]").filter(shown)[0];
  point(map, ...middle(map));
  seen.map_tip = tip.textContent;
  page.querySelector("input[value=complexity]").click();
  seen.chosen = all("svg[data-kind=map]").filter(shown).map(m => m.getAttribute("aria-label").split(",")[0]);
  seen.spread = page.documentElement.scrollWidth <= 1280;
  const style = e => wide.getComputedStyle(e);
  seen.ground = style(page.body).backgroundColor;
  seen.ink = style(page.querySelector("svg .h")).fill;
  const phone = (await open(360)).document;
  seen.phone = phone.documentElement.scrollWidth;
  seen.phone_columns = getComputedStyle(phone.querySelector(".grid")).gridTemplateColumns.split(" ").length;
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = "SEEN" + JSON.stringify(seen) + "NEES";
  document.body.replaceChildren(out);
})();
</script>)html";

std::string browser(const samples::Folder& folder, const std::string& arguments) {
  return command::output(
      std::string("env -u LD_PRELOAD timeout 60 ") + INFOPLANE_TEST_BROWSER +
      " --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=" + folder.file("profile") +
      " --enable-logging=stderr --virtual-time-budget=10000 " + arguments + " 2>" + folder.file("log"));
}

nlohmann::json seen_in(const std::string& dom) {
  const auto from = dom.find("SEEN{"), to = dom.find("}NEES");
  REQUIRE(from != std::string::npos);
  auto text = dom.substr(from + 4, to - from - 3);
  for (const auto& [entity, character] : {std::pair{"&gt;", ">"}, {"&lt;", "<"}, {"&amp;", "&"}}) {
    for (auto at = text.find(entity); at != std::string::npos; at = text.find(entity, at + 1)) {
      text.replace(at, std::string(entity).size(), character);
    }
  }
  return nlohmann::json::parse(text);
}

}  // namespace

TEST_CASE("a browser shows a report in light, in dark, on a phone and on paper", "[report][needs:browser]") {
  infoplane::test::needs("browser", !std::string(INFOPLANE_TEST_BROWSER).empty(),
                         "no browser was found when the build was configured; install one (Debian: chromium), then "
                         "configure and build again");
  const samples::Folder folder;
  samples::Made made;
  made.error = 0.01;
  const auto page = html_report({made_run(made), made_run()});
  samples::write(folder.file("report.html"), page);
  std::string reader = kReader;
  auto text = nlohmann::json(page).dump();
  for (auto at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3)) {
    text.replace(at, 2, "<\\/");
  }
  reader.replace(reader.find("REPORT"), 6, text);
  samples::write(folder.file("reader.html"), reader);

  const auto light = seen_in(browser(folder, "--dump-dom file://" + folder.file("reader.html")));
  CAPTURE(light.dump(2));
  REQUIRE(light["errors"].empty());
  REQUIRE(samples::count(samples::read(folder.file("log")), "CONSOLE") == 0);
  REQUIRE(light["lead"].get<std::string>().starts_with("While it trained, the model first took in more and more"));
  REQUIRE(light["planes"] == 5);
  REQUIRE(light["panels"] == 15);
  REQUIRE(light["maps"] == 4);  // one metric at a time
  REQUIRE(light["plane_tip"] == "blocks.0, step 500\ncomplexity 0.4000\nexpressivity 0.1000\noptimality 0.2500");
  REQUIRE(light["panel_tip"].get<std::string>().starts_with("Complexity, step "));
  REQUIRE(light["cursors"] == 5);
  REQUIRE(light["hidden_again"] == true);
  REQUIRE(light["map_tip"].get<std::string>().starts_with("embedding, step "));
  REQUIRE(light["chosen"] ==
          nlohmann::json{"Map of complexity", "Map of complexity", "Map of optimality", "Map of optimality"});
  REQUIRE(light["spread"] == true);
  REQUIRE(light["ground"] == "rgb(244, 246, 249)");
  REQUIRE(light["ink"] == "rgb(28, 36, 48)");
  REQUIRE(light["phone"] <= 360);
  REQUIRE(light["phone_columns"] == 1);

  const auto dark = seen_in(
      browser(folder, "--blink-settings=preferredColorScheme=0 --dump-dom file://" + folder.file("reader.html")));
  REQUIRE(dark["errors"].empty());
  REQUIRE(dark["ground"] == "rgb(14, 19, 26)");
  REQUIRE(dark["ink"] == "rgb(230, 234, 240)");

  browser(folder, "--print-to-pdf=" + folder.file("report.pdf") + " file://" + folder.file("report.html"));
  const auto pdf = samples::read(folder.file("report.pdf"));
  REQUIRE(pdf.starts_with("%PDF-"));
  REQUIRE(pdf.size() > 50'000);
  REQUIRE(samples::count(samples::read(folder.file("log")), "CONSOLE") == 0);
}
