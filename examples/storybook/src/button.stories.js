export default {
  title: 'Button',
  render({ label }) {
    const button = document.createElement('button');
    button.textContent = label;
    return button;
  },
};

export const Plain = { args: { label: 'Press me' } };
