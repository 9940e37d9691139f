#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <exception>
#include <infoplane/core/error.hpp>
#include <infoplane/core/version.hpp>
#include <memory>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/outputs.hpp"
#include "cli/program.hpp"
#include "core/text.hpp"

// All of the program that knows CLI11, which takes seconds to compile in each file that includes it.
namespace infoplane::cli {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 success; 1 a finding (a broken run file for report --check, runs that cannot be compared); "
    "2 a mistake on the command line; 3 a file that cannot be read or written.\n"
    "\"infoplane COMMAND --help\" shows a command's options and an example.";

void add_run_choice(CLI::App& command, RunChoice& choice, const std::string& runs_help, const std::string& at_help) {
  command.add_option("RUN", choice.runs, runs_help)->required();
  command.add_option("--order", choice.order, "n-grams: unigram, bigram, …");
  command.add_option("--stream", choice.split, "Stream (default: held-out where all runs have it)");
  command
      .add_option(
          "--at",
          [&choice](const CLI::results_t& texts) {
            read_value([&] { choice.at = read_at(texts.back()); });
            return true;
          },
          at_help)
      ->type_name("last|best|STEP")
      ->type_size(1)
      ->expected(1)
      ->default_str("last");
}

void add_report(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<ReportArguments>();
  auto* command = program.add_subcommand("report", "Draws runs as one HTML page, or a figure of a run as SVG");
  command->option_defaults()->always_capture_default();
  command->add_option("RUN", arguments->runs, "Run files, as JsonLinesSink writes them")->required();
  auto* output = command->add_option("-o,--output", arguments->output,
                                     "File to write; \"-\" is the standard output (default: beside the first run)");
  auto* figure =
      command->add_option("--figure", arguments->figure, "One figure of one run as SVG instead: plane, steps or layers")
          ->check(CLI::IsMember({"plane", "steps", "layers"}));
  command->add_option("--order", arguments->order, "n-grams of the figure: unigram, bigram, …");
  command->add_option("--stream", arguments->split, "Stream of the figure (default: held-out if there is one)")
      ->needs(figure);
  command->add_option("--metric", arguments->metric, "What the layers figure shows")
      ->check(CLI::IsMember({"optimality", "complexity", "expressivity", "distance"}));
  command->add_option("--title", arguments->title, "Title of the page")->excludes(figure);
  add_number(*command, "--max-steps", arguments->max_steps, "Steps that a figure shows at most", {2});
  command
      ->add_option("--curve", arguments->curves,
                   "IB curve of the text, as \"bound\" writes it; ORDER=FILE for another order than unigram")
      ->allow_extra_args(false);
  add_number(*command, "--patience", arguments->rule.patience,
             "Stopping rule that is marked: checks without improvement (default: EarlyStopping::compression())", {1});
  add_number(*command, "--min-delta", arguments->rule.min_delta,
             "Stopping rule: what counts as an improvement of distance", {0});
  add_number(*command, "--start-from-step", arguments->rule.start_from_step,
             "Stopping rule: first step that it looks at", {0});
  add_flag(*command, "--json", arguments->json, "Print what happened in each run, or what is wrong, as JSON");
  auto* check = add_flag(*command, "--check", arguments->only_check,
                         "Draw nothing: say what is wrong in which line, and end with 1 where a file has an error")
                    ->excludes(output)
                    ->excludes(figure);
  add_flag(*command, "--table", arguments->only_table,
           "Draw nothing: print what the layers keep of token and context, with errors, a row a step")
      ->excludes(output)
      ->excludes(figure)
      ->excludes(check);
  add_number(*command, "--most", arguments->check.most, "Findings shown of each file at most", {1})->needs(check);
  add_flag(*command, "--strict", arguments->check.strict, "Warnings end with 1 too")->needs(check);
  command->footer(
      "Example: infoplane report run.jsonl -o report.html\n"
      "         infoplane report a.jsonl b.jsonl -o both.html\n"
      "         infoplane report run.jsonl --curve text.curve.json\n"
      "         infoplane report run.jsonl --figure plane -o plane.svg\n"
      "         infoplane report run.jsonl --table\n"
      "         infoplane report run.jsonl --check");
  command->callback([arguments, output, figure, &context] {
    if (arguments->only_check) {
      arguments->check.json = arguments->json;
      check_runs(arguments->runs, arguments->check, context);
      return;
    }
    if (arguments->only_table) {
      if (arguments->json) {
        throw CLI::ValidationError("--json", "and --table exclude each other: the run file is JSON already");
      }
      bounds_tables(*arguments, context);
      return;
    }
    if (figure->count() > 0 && arguments->runs.size() != 1) {
      throw CLI::ValidationError("--figure", "draws one run, not " + std::to_string(arguments->runs.size()));
    }
    arguments->output = as_output(context, arguments->output);
    if (arguments->json && arguments->output == "-") {
      throw CLI::ValidationError("--json", "and " + output->get_name() + " - would mix on the standard output");
    }
    report(*arguments, context);
  });
}

void add_compare(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<CompareArguments>();
  auto* command = program.add_subcommand("compare", "Ranks runs by how near they came to the bound");
  command->option_defaults()->always_capture_default();
  add_run_choice(*command, arguments->choice, "Run files",
                 "Step that is compared: last, best (of each run) or a number");
  command->add_option(
      "--metric", arguments->metric,
      "What is compared: distance, optimality, bound_gap, efficiency, curve_gap, complexity, expressivity, "
      "context, or a key of the "
      "points such as I(X;Z)/preference");
  add_flag(*command, "--json", arguments->json, "Print JSON");
  command->footer(
      "Ends with 1, and names the fields, where runs were measured with other anchors, m, d, ε or label sets, or gaps "
      "against\nother IB curves.\n"
      "Example: infoplane compare a.jsonl b.jsonl c.jsonl --metric optimality");
  command->callback([arguments, &context] { compare(*arguments, context); });
}

void add_correlate(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<CorrelateArguments>();
  auto* command = program.add_subcommand("correlate", "Correlates runs' places on the plane with benchmark scores");
  command->option_defaults()->always_capture_default();
  command->add_option("SCORES", arguments->scores, "Table of scores: CSV \"run,score,…\" or JSON")->required();
  add_run_choice(*command, arguments->choice, "Run files, found in the table by run name or file name",
                 "Step that is taken: last, best (of each run) or a number");
  command
      ->add_option("--metric", arguments->metrics,
                   "What is correlated, once for each: complexity, expressivity, optimality, distance or curve_gap "
                   "(default: these, the last where all runs have it), or a key of the points such as "
                   "I(X;Z)/preference")
      ->allow_extra_args(false);
  add_flag(*command, "--json", arguments->json, "Print JSON");
  command->footer(
      "Example: infoplane correlate scores.csv a.jsonl b.jsonl c.jsonl d.jsonl\n"
      "         where scores.csv holds\n"
      "             run,mmlu\n"
      "             a,0.31\n"
      "             b,0.42\n"
      "         infoplane correlate scores.csv *.jsonl --metric \"I(X;Z)/preference\" --metric optimality");
  command->callback([arguments, &context] { correlate(*arguments, context); });
}

void add_watch(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<WatchArguments>();
  auto* command = program.add_subcommand("watch", "Follows a run while it trains; ends with Ctrl-C");
  command->option_defaults()->always_capture_default();
  command->add_option("RUN", arguments->run, "Run file; waits for one that is not there yet")->required();
  command->add_option("--order", arguments->order, "n-grams: unigram, bigram, …");
  add_number(*command, "--interval", arguments->interval, "Seconds between two looks", {kAboveZero});
  add_number(*command, "--seconds", arguments->seconds, "End after so many seconds (0: never)", {0});
  add_number(*command, "--rows", arguments->rows, "Steps shown at most", {2, 100000});
  add_flag(*command, "--once", arguments->once, "Look once and end");
  add_flag(*command, "--json", arguments->json, "Print each point as a line of JSON as it comes");
  command->footer(
      "Example: infoplane watch run.jsonl\n"
      "         infoplane watch run.jsonl --json | jq .mean");
  command->callback([arguments, &context] { watch(*arguments, context); });
}

void add_bound(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<BoundArguments>();
  auto* command = program.add_subcommand("bound", "Solves the Information Bottleneck curve of a text");
  command->option_defaults()->always_capture_default();
  command->add_option("TEXT", arguments->texts, "Files of text or tokens; each is a document")->required();
  command->add_option("-o,--output", arguments->output, "Curve file to write (default: TEXT with ending .curve.json)");
  command
      ->add_option("--tokens", arguments->tokens,
                   "What the tokens are: bytes, uint16, int32 or int64 (as this machine orders their bytes; a negative "
                   "one ends a sequence), or text (numbers between white space)")
      ->check(CLI::IsMember({"bytes", "uint16", "int32", "int64", "text"}));
  command->add_option("--order", arguments->order, "n-grams on both sides: unigram, bigram, trigram or quadgram")
      ->check(CLI::IsMember({"unigram", "bigram", "trigram", "quadgram"}));
  add_number(*command, "--anchors", arguments->anchors, "m of the runs: values of Z at most, and unit of efficiencies",
             {2, 1000000});
  add_number(*command, "--restarts", arguments->restarts, "Sweeps over β, each from another start", {1});
  add_number(*command, "--tolerance", arguments->tolerance, "In nats: how finely β is stepped", {kAboveZero});
  add_number(*command, "--seed", arguments->seed, "Of the starts; equal seeds give equal curves");
  add_number(*command, "--rows", arguments->rows, "Rows of the table", {1, 100000});
  add_flag(*command, "--json", arguments->json, "Print the curve as JSON");
  command->footer(
      "Orders above 1 of a large text take minutes; see docs/bound.md.\n"
      "Example: infoplane bound text.txt -o text.curve.json\n"
      "         infoplane bound train.bin --tokens uint16 --order bigram --anchors 100\n"
      "Then:    infoplane report run.jsonl --curve text.curve.json");
  command->callback([arguments, &context] { bound(*arguments, context); });
}

/// One line of a message that may quote names, keys and pieces of broken files.
std::string line_of(const std::exception& error) {
  constexpr std::size_t kMost = 4000;
  return text::shortened(text::printable(error.what()), kMost);
}

int parse(CLI::App& program, Context& context, const std::vector<std::string>& arguments) {
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    program.parse(std::move(reversed));
    if (program.get_subcommands().empty()) {
      throw CLI::RequiredError("A command");
    }
    return context.exit_code;
  } catch (const CLI::CallForHelp&) {
    const auto chosen = program.get_subcommands();
    context.out << (chosen.empty() ? program.help() : chosen.front()->help("infoplane"));
    return kSuccess;
  } catch (const CLI::CallForVersion&) {
    context.out << "infoplane " << version() << '\n';
    return kSuccess;
  } catch (const CLI::ParseError& error) {
    context.err << "infoplane: " << line_of(error) << " (see --help)\n";
    return kUsage;
  } catch (const ArgumentError& error) {
    context.err << "infoplane: " << line_of(error) << '\n';
    return kUsage;
  } catch (const std::exception& error) {
    context.err << "infoplane: " << line_of(error) << '\n';
    return kFile;
  }
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, Context& context) {
  CLI::App program("Looks at what infoplane measured while a transformer trained.", "infoplane");
  program.set_version_flag("--version", std::string(version()));
  program.require_subcommand(0, 1);  // none is told of after the parse, so that an unknown one is told by its name
  program.footer(kFooter);
  for (const auto add : {add_report, add_compare, add_correlate, add_watch, add_bound}) {
    add(program, context);
  }
  return parse(program, context, arguments);
}

}  // namespace infoplane::cli
