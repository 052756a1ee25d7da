library(shiny)

ui <- fluidPage(
  titlePanel("A walk on a compute node"),
  sliderInput("steps", "Steps", min = 10, max = 2000, value = 500),
  textOutput("where"),
  plotOutput("walk")
)

server <- function(input, output, session) {
  walk <- reactive({
    set.seed(1)
    cumsum(sample(c(-1, 1), input$steps, replace = TRUE))
  })
  output$where <- renderText(
    sprintf("%d steps on %s, process %d", input$steps, Sys.info()[["nodename"]], Sys.getpid())
  )
  output$walk <- renderPlot(plot(walk(), type = "l", xlab = "step", ylab = "place"))
}

shinyApp(ui, server)
