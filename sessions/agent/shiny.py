"""Shiny: an R process that serves one app of the repository. It listens on a Unix socket where `port` is a path with a
umask (shiny's startApp, httpuv's startPipeServer)."""

# R's own start files are read: an environment of renv is the repository's.
_SHINY_START = """# Written by hpcbinder for this session.
command -v Rscript >/dev/null || { echo 'the image lacks R: there is no Rscript' >/run/hb/lacks; exit 1; }
exec Rscript /run/hb/shiny.R
"""
_SHINY_RUN = """# Written by hpcbinder for this session.
local({
  lacks <- function(words) {
    writeLines(words, "/run/hb/lacks")
    quit(save = "no", status = 1)
  }
  if (!requireNamespace("shiny", quietly = TRUE)) lacks("the image lacks the R package shiny")
  writeLines(as.character(utils::packageVersion("shiny")), "/run/hb/about")
  is_app <- function(dir) any(file.exists(file.path(dir, c("app.R", "server.R"))))
  dir <- "/srv/repo"
  if (!is_app(dir)) {
    dir <- Filter(is_app, list.dirs(dir, recursive = FALSE))
    if (length(dir) == 0)
      lacks("the repository lacks a Shiny app: no app.R or server.R lies at its top or in one of its folders")
    if (length(dir) > 1)
      lacks(paste("the repository lacks one Shiny app to begin with, at its top or in a folder; it has", toString(basename(dir))))
  }
  port <- structure("/run/hb/app.sock", mask = strtoi("177", 8L))
  shiny::runApp(dir, port = port, launch.browser = FALSE)
})
"""
# No Shiny app answers to it: R itself says 404, where it is not at work.
_NOBODY = "/hpcbinder-does-R-answer"
ANSWER_SECONDS = 5


class Shiny(Kind):
    """R works on one thing at a time: while it does, it answers nobody."""

    # As by ctrl-C: what the app does in onStop() is done. At a SIGTERM R is gone at once.
    END = signal.SIGINT

    def prepare(self, session_directory):
        self.write("start.sh", _SHINY_START)
        self.write("shiny.R", _SHINY_RUN)

    def command(self):
        return ["/bin/sh", RUN + "/start.sh"]

    def look(self, app, use, now):
        use.learn_work(app.works() or app.ask(_NOBODY, timeout=ANSWER_SECONDS) is None, now)
